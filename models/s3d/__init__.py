"""S3D: clip features from a separable Inception (Xie et al., arXiv:1712.04851)."""
