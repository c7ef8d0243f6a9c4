"""The parts of benchmarks/gpu.py; each has a function measure(out, options)."""
