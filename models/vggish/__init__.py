"""VGGish: audio embeddings of 0.96 s examples (Hershey et al., arXiv:1609.09430)."""
