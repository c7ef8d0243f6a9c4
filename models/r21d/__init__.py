"""R(2+1)D: clip features from convolutions split into space and time (Tran et al., arXiv:1711.11248)."""
