"""Saved features, looked at and searched."""
