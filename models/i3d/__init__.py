"""I3D: two-stream features of 64-frame windows (Carreira and Zisserman, arXiv:1705.07750)."""
