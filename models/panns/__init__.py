"""PANNs CNN14: audio embeddings of windows of sound (Kong et al., arXiv:1912.10211)."""
