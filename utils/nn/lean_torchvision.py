"""torchvision, imported without PyTorch's compiler. The program imports it from here alone."""

from utils.nn.lean_import import without_compiler

with without_compiler():
    import torchvision

__all__ = ["torchvision"]
