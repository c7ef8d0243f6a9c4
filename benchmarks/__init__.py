"""Benchmarks of speed, memory and fault tolerance: `python -m benchmarks.NAME --help`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # golden cases are in its package `support`
