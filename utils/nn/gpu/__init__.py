"""Layers as inference runs them on an NVIDIA GPU."""
