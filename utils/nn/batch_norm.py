"""Batch norm fused into the convolution before it: in evaluation mode both are one linear map."""

from collections.abc import Iterator

import torch
from torch import nn

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d
# Names of a convolution and of the batch norm that its module's forward applies right after it: ours, torchvision's.
PAIRS = (("conv3d", "batch3d"), ("conv", "bn"), ("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"))


def fuse_batch_norms(network: nn.Module) -> int:
    """Fuse every batch norm that follows a convolution into it, in place; return how many.

    A batch norm follows a convolution that is next to it in a Sequential (or ends a Sequential next to it), or that
    `PAIRS` names with it, as networks of this program and of torchvision do. It becomes an Identity. Other batch norms
    stay, since their networks may use them in another order. The network must be in evaluation mode.
    """
    n_fused = 0
    for module in network.modules():
        for convolution, norm, name in list(_pairs(module)):
            _fuse(convolution, norm)
            setattr(module, name, nn.Identity())
            n_fused += 1
    return n_fused


def _pairs(module: nn.Module) -> Iterator[tuple[Convolution, BatchNorm, str]]:
    """Yield each convolution with the batch norm that follows it, and the batch norm's name in the module."""
    children = dict(module.named_children())
    names = zip(children, list(children)[1:], strict=False) if isinstance(module, nn.Sequential) else PAIRS
    for first, second in names:
        convolution, norm = children.get(first), children.get(second)
        while isinstance(convolution, nn.Sequential) and len(convolution):
            convolution = convolution[-1]
        if isinstance(convolution, Convolution) and isinstance(norm, BatchNorm):
            yield convolution, norm, second


def _fuse(convolution: Convolution, norm: BatchNorm) -> None:
    """Scale and shift a convolution as the batch norm after it does; computed in float64."""
    assert norm.running_mean is not None and norm.running_var is not None  # else it has no evaluation mode
    with torch.no_grad():
        mean, variance = norm.running_mean.double(), norm.running_var.double()
        scale = (variance + norm.eps).rsqrt()
        shift = -mean * scale
        if norm.affine:
            scale = scale * norm.weight.double()
            shift = -mean * scale + norm.bias.double()
        if convolution.bias is not None:
            shift = shift + convolution.bias.double() * scale
        weight = convolution.weight
        wide = weight.double() * scale.view(-1, *[1] * (weight.ndim - 1))
        convolution.weight = nn.Parameter(wide.to(weight.dtype), requires_grad=False)
        convolution.bias = nn.Parameter(shift.to(weight.dtype), requires_grad=False)
