"""Clips in tar shards."""
