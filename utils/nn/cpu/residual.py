"""Residual networks for inference on a CPU: sums and ReLUs are part of a convolution's pass.

A separate sum reads two feature maps. oneDNN's convolution adds to the shortcut in place instead: its own output, 51 MB
in the first stage of a ResNet-50 on 16 frames, is never stored.
"""

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from utils.nn.cpu.convolution import FusedConvolution

TORCHVISION = "torchvision.models.resnet"  # compared by name, so that torchvision is not imported for it


def add_and_relu(last: nn.Module, x: Tensor, shortcut: Tensor) -> Tensor:
    """Return relu(last(x) + shortcut); the shortcut may be overwritten."""
    if isinstance(last, FusedConvolution):
        return last.add_and_relu(x, shortcut)
    return F.relu(last(x).add_(shortcut), inplace=True)


class ResidualBlock(nn.Module):
    """A residual block of torchvision with fused batch norms, its layers in the order in which they run."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        *inner, self.last = (block.get_submodule(name) for name in _convolutions(block))
        self.inner = nn.Sequential(*(layer for convolution in inner for layer in (convolution, nn.ReLU(inplace=True))))
        self.downsample = cast(nn.Module | None, block.downsample)  # as torchvision declares it

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C', H', W'], as torchvision's."""
        shortcut = x if self.downsample is None else self.downsample(x)
        return add_and_relu(self.last, self.inner(x), shortcut)


def rewrite_blocks(network: nn.Module) -> None:
    """Replace torchvision's residual blocks with fused batch norms by `ResidualBlock`s, in place.

    The ReLU after a network's first convolution moves into a Sequential with it.
    """
    for module in list(network.modules()):
        if _is_torchvisions(module, "ResNet") and isinstance(module.bn1, nn.Identity):
            first, activation = module.get_submodule("conv1"), module.get_submodule("relu")
            module.conv1, module.relu = nn.Sequential(first, activation), nn.Identity()
        for name, child in list(module.named_children()):
            if _is_torchvisions(child, "BasicBlock", "Bottleneck") and _has_fused_norms(child):
                setattr(module, name, ResidualBlock(child))


def _is_torchvisions(module: nn.Module, *names: str) -> bool:
    return type(module).__module__ == TORCHVISION and type(module).__name__ in names


def _convolutions(block: nn.Module) -> list[str]:
    return [name for name in ("conv1", "conv2", "conv3") if hasattr(block, name)]


def _has_fused_norms(block: nn.Module) -> bool:
    norms = [name.replace("conv", "bn") for name in _convolutions(block)]
    return all(isinstance(block.get_submodule(norm), nn.Identity) for norm in norms)
