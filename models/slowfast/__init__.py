"""SlowFast 8x8 R50: two pathways over 32 frames of a clip (Feichtenhofer et al., arXiv:1812.03982)."""
