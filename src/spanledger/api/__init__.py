"""The cost API and the dashboard: who may ask, and what anything cost."""
