"""SlowOnly: features of clips of 4 frames, 16 apart (Feichtenhofer et al., arXiv:1812.03982)."""
