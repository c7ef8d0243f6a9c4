"""Layers as inference runs them on a CPU."""
