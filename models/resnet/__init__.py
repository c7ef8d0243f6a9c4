"""ResNet: image features of torchvision's ImageNet networks (He et al., arXiv:1512.03385), frame by frame."""
