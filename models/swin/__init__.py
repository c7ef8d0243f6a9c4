"""Video Swin Transformer: features of clips of 32 frames (Liu et al., arXiv:2106.13230)."""
