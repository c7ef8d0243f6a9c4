"""From a published address to tensors."""
