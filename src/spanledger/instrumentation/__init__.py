"""The hook in the application: HTTP exchanges become spans."""
