"""Simulated providers and a small application that calls them with the real SDKs."""
