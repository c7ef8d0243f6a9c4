"""Preparing and running networks."""
