"""Pixels: resizing, cropping, normalizing."""
