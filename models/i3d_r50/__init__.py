"""I3D on a ResNet-50 with non-local modules: features of clips of 32 frames (arXiv:1705.07750, arXiv:1711.07971)."""
