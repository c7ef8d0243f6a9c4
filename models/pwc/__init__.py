"""PWC-Net: optical flow from warping and cost volumes (Sun et al., arXiv:1709.02371)."""
