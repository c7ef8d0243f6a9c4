"""TSN: features of single frames spread over a video, averaged (Wang et al., arXiv:1608.00859)."""
