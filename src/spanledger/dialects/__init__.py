"""The providers' wire formats as pure functions."""
