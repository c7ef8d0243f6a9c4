"""InternVideo2: clip features of stage-1 video encoders (Wang et al., arXiv:2403.15377)."""
