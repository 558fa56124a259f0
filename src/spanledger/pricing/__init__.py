"""What a call costs, line by line, from dated prices."""
