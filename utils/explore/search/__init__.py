"""Searches in saved features: by text, by example, by likeness to each other."""
