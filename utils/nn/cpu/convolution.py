"""Convolutions and linear layers for inference: on a CPU by oneDNN, with the activation in the same pass.

On a GPU, `utils.nn.gpu.convolution` does the same with cuDNN; elsewhere layers are PyTorch's.

For small 3D convolutions of a single sample, PyTorch uses its own code instead of oneDNN. That is up to ten times
slower and returns channels first, so that later layers copy (docs/performance.md). PyTorch's compiler calls oneDNN for
them; here the same operation is called without the compiler.
"""

from collections.abc import Sequence
from typing import TypeGuard

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utils.nn.cpu import onednn, winograd
from utils.nn.cpu.layout import is_channels_last, packed
from utils.nn.gpu import convolution as gpu
from utils.nn.gpu import support


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sequence[int] = (1, 1, 1),
    padding: Sequence[int] = (0, 0, 0),
    dilation: Sequence[int] = (1, 1, 1),
    groups: int = 1,
    slope: float | None = None,
    use_winograd: bool = False,
) -> Tensor:
    """Return the zero-padded convolution of x [B, C, (T,) H, W], with a ReLU or a leaky ReLU where `slope` is given.

    slope: of values below 0: 0 for a ReLU. use_winograd: where `utils.nn.cpu.winograd` is faster.
    """
    n_dims = x.ndim - 2
    stride, padding, dilation = (list(sizes[:n_dims]) for sizes in (stride, padding, dilation))
    if support.fits(x) and not weight.requires_grad:
        return gpu.convolve(x, weight, bias, stride, padding, dilation, groups, slope)
    # of a single channel, the compiler expects another layout of oneDNN's result than it has
    is_mistaken = x.shape[1] == 1 and torch.compiler.is_compiling()
    if onednn.CONVOLVE is None or not _fits(x) or weight.requires_grad or is_mistaken:
        return gpu.activated(gpu.PLAIN[x.ndim](x, weight, bias, stride, padding, dilation, groups), slope)
    simple = groups == 1 and all(step == 1 for step in dilation) and not torch.compiler.is_compiling()
    axis = winograd.axis_for(x, weight, stride, padding) if use_winograd and simple else None
    if axis is not None:
        return gpu.activated(winograd.convolve(x, weight, bias, padding, axis), slope)
    activation = "none" if slope is None else "leaky_relu" if slope else "relu"
    weight = packed(weight, x.shape, padding, stride, dilation, groups)
    slopes = [slope] if slope else []
    return onednn.CONVOLVE(x, weight, bias, padding, stride, dilation, groups, activation, slopes, "")


class FusedConvolution(nn.Module):
    """A convolution with the ReLU or leaky ReLU after it, if there is one; slope, use_winograd: as in `convolve`."""

    def __init__(self, convolution: nn.Conv2d | nn.Conv3d, slope: float | None, use_winograd: bool) -> None:
        super().__init__()
        assert not isinstance(convolution.padding, str)  # see _is_plain
        self.weight, self.bias = convolution.weight, convolution.bias
        self.stride, self.padding, self.dilation = convolution.stride, convolution.padding, convolution.dilation
        self.kernel_size, self.out_channels = convolution.kernel_size, convolution.out_channels
        self.groups, self.slope, self.use_winograd = convolution.groups, slope, use_winograd

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, (T,) H, W] -> [B, C', (T',) H', W']."""
        sizes = (self.stride, self.padding, self.dilation, self.groups)
        return convolve(x, self.weight, self.bias, *sizes, self.slope, self.use_winograd)

    def add_and_relu(self, x: Tensor, other: Tensor) -> Tensor:
        """Return relu(convolution of x + other), written over `other` where oneDNN does so in one pass."""
        if support.fits(x):
            sizes = (self.stride, self.padding, self.dilation, self.groups)
            return gpu.add_and_relu(x, self.weight, self.bias, other, *sizes)
        fits = _fits(x) and is_channels_last(other) and other.dtype == x.dtype
        if onednn.CONVOLVE_AND_ADD is None or not fits:
            return F.relu_(self(x).add_(other))
        sizes = (list(self.padding), list(self.stride), list(self.dilation), self.groups)
        weight = packed(self.weight, x.shape, *sizes)
        return onednn.CONVOLVE_AND_ADD(other, x, weight, self.bias, *sizes, "add", 1.0, "relu", [], "")


class OneDnnLinear(nn.Module):
    """A linear layer by oneDNN. PyTorch uses MKL for float32, which takes twice as long on AMD's processors."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, x: Tensor) -> Tensor:
        """[..., n_in] -> [..., n_out]."""
        # the compiler replaces a linear layer by itself, and wants its weight to be a constant
        if onednn.LINEAR is None or not _fits(x) or torch.compiler.is_compiling():
            return F.linear(x, self.weight, self.bias)
        n, fewest = x.numel() // x.shape[-1], onednn.fewest_rows(x.shape[-1])
        if n >= fewest:
            return onednn.LINEAR(x, self.weight, self.bias, "none", [], "")
        padded = F.pad(x.reshape(n, -1), (0, 0, 0, fewest - n))
        return onednn.LINEAR(padded, self.weight, self.bias, "none", [], "")[:n].view(*x.shape[:-1], -1)


def fuse_activations(network: nn.Module) -> None:
    """Replace 2D and 3D convolutions by `FusedConvolution`s in place, with the activation that follows in a Sequential.

    An Identity between them (a fused batch norm) is skipped. Linear layers become `OneDnnLinear`s, except those whose
    weights another module's forward reads (attention). A network sets `uses_winograd` if that makes it faster.
    """
    use_winograd = getattr(network, "uses_winograd", False)
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Linear:
                setattr(module, name, OneDnnLinear(child))
            elif _is_plain(child):
                activation = _activation_after(module, name) if isinstance(module, nn.Sequential) else None
                slope = getattr(module.get_submodule(activation), "negative_slope", 0.0) if activation else None
                setattr(module, name, FusedConvolution(child, slope, use_winograd))
                if activation:
                    setattr(module, activation, nn.Identity())
    _unwrap(network)


def _unwrap(network: nn.Module) -> None:
    """Replace each Sequential that holds only a convolution by that convolution."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            layers = [layer for layer in child.children() if not isinstance(layer, nn.Identity)]
            if isinstance(child, nn.Sequential) and len(layers) == 1 and isinstance(layers[0], FusedConvolution):
                setattr(module, name, layers[0])


def _fits(x: Tensor) -> bool:
    """Return whether oneDNN takes this input of a layer."""
    return x.device.type == "cpu" and x.dtype in (torch.float32, torch.bfloat16) and x.numel() > 0


def _is_plain(module: nn.Module) -> TypeGuard[nn.Conv2d | nn.Conv3d]:
    """Return whether a module is a convolution, not of a subclass, padded by given numbers of zeros."""
    if type(module) is not nn.Conv2d and type(module) is not nn.Conv3d:
        return False
    return module.padding_mode == "zeros" and not isinstance(module.padding, str)


def _activation_after(sequence: nn.Sequential, name: str) -> str | None:
    """Return the name of the layer after `name`, skipping Identities, if it is a ReLU or a leaky ReLU."""
    names = list(dict(sequence.named_children()))
    for later in names[names.index(name) + 1 :]:
        layer = sequence.get_submodule(later)
        if isinstance(layer, nn.ReLU | nn.LeakyReLU):
            return later
        if not isinstance(layer, nn.Identity):
            return None
    return None
