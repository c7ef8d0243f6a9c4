"""VideoMAE V2: clip features of vision transformers (Wang et al., arXiv:2303.16727)."""
