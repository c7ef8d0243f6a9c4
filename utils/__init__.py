"""Everything that models share: sources, decoding, windows, batches, weights, sinks and the run itself."""
