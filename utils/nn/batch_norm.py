"""Batch norm folded into the convolution before it: in evaluation mode both are one linear map."""

from collections.abc import Iterator

import torch
from torch import nn

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d
# Names of a convolution and of the batch norm that its module's forward applies right after it: ours, torchvision's.
PAIRS = (("conv3d", "batch3d"), ("conv", "bn"), ("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"))


def fuse_batch_norms(network: nn.Module) -> int:
    """Fold every batch norm that follows a convolution into it, in place; return how many.

    Follows means: next to it in a Sequential (or behind a Sequential that ends in it), or as `PAIRS` name them in the
    networks of this program and of torchvision. A folded batch norm becomes an Identity. Those of other networks, which
    may be used in another order than they are named in, stay. The network must be in evaluation mode.
    """
    n_folded = 0
    for module in network.modules():
        for holder, name, norm in list(_followers(module)):
            convolution = holder.get_submodule(name)
            _fold(convolution, norm[0].get_submodule(norm[1]))
            setattr(norm[0], norm[1], nn.Identity())
            n_folded += 1
    return n_folded


def _followers(module: nn.Module) -> Iterator[tuple[nn.Module, str, tuple[nn.Module, str]]]:
    """Yield (holder of a convolution, its name, (holder of its batch norm, its name)) below one module."""
    children = dict(module.named_children())
    pairs = list(zip(children, list(children)[1:], strict=False)) if isinstance(module, nn.Sequential) else PAIRS
    for first, second in pairs:
        if not isinstance(children.get(second), BatchNorm):
            continue
        last = _last(module, first) if first in children else None
        if last is not None:
            yield *last, (module, second)


def _last(holder: nn.Module, name: str) -> tuple[nn.Module, str] | None:
    """Return (holder, name) of a convolution, also where it is the last of a Sequential; None for anything else."""
    child = holder.get_submodule(name)
    while isinstance(child, nn.Sequential) and len(child):
        holder, name = child, list(dict(child.named_children()))[-1]
        child = holder.get_submodule(name)
    return (holder, name) if isinstance(child, Convolution) else None


def _fold(convolution: Convolution, norm: BatchNorm) -> None:
    """Scale and shift a convolution as the batch norm behind it does; computed in float64."""
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
