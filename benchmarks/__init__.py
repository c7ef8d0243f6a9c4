"""Benchmarks of speed, memory and fault tolerance: `python -m benchmarks.NAME --help`."""
