"""RAFT: optical flow from all-pairs correlation (Teed and Deng, arXiv:2003.12039)."""
