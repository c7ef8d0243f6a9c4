"""Pretrained weights: from the address of a published checkpoint to tensors."""
