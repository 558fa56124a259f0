"""One small shell for each HTTP library; all that they share stands outside of this package."""
