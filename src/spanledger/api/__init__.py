"""The cost API and the dashboard: questions over HTTP, answered from a store."""
