"""Convolutions and linear layers as inference runs them: on a CPU by oneDNN, with the activation in the same pass.

PyTorch leaves small 3D convolutions of a batch of one to a code of its own that is up to ten times slower than oneDNN
and gives back another memory format, so that what follows copies (docs/performance.md). Its compiler calls the same
oneDNN operation; here it is called without the compiler.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utils.nn.cpu import onednn, winograd
from utils.nn.cpu.layout import is_channels_last, packed

PLAIN = {4: F.conv2d, 5: F.conv3d}  # by the dimensions of the input


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
    """Return the convolution of x [B, C, (T,) H, W]; values below 0 times `slope` where it is given. Zeros are padded.

    slope: 0 is a ReLU, more a leaky one. use_winograd: where `utils.nn.cpu.winograd` is quicker.
    """
    n_dims = x.ndim - 2
    stride, padding, dilation = (list(sizes[:n_dims]) for sizes in (stride, padding, dilation))
    if onednn.CONVOLVE is None or not _fits(x) or weight.requires_grad:
        return _activated(PLAIN[x.ndim](x, weight, bias, stride, padding, dilation, groups), slope)
    simple = groups == 1 and all(step == 1 for step in dilation) and not torch.compiler.is_compiling()
    axis = winograd.axis_for(x, weight, stride, padding) if use_winograd and simple else None
    if axis is not None:
        return _activated(winograd.convolve(x, weight, bias, padding, axis), slope)
    then = "none" if slope is None else "leaky_relu" if slope else "relu"
    weight = packed(weight, x.shape, padding, stride, dilation, groups)
    return onednn.CONVOLVE(x, weight, bias, padding, stride, dilation, groups, then, [slope] if slope else [], "")


def _activated(y: Tensor, slope: float | None) -> Tensor:
    if slope is None:
        return y
    return F.leaky_relu_(y, slope) if slope else F.relu_(y)


class FusedConvolution(nn.Module):
    """A convolution, and the ReLU or leaky ReLU that follows it where there is one; the rest as in `convolve`."""

    def __init__(self, convolution: nn.Conv2d | nn.Conv3d, slope: float | None, use_winograd: bool) -> None:
        super().__init__()
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
        fits = _fits(x) and is_channels_last(other) and other.dtype == x.dtype
        if onednn.CONVOLVE_AND_ADD is None or not fits:
            return F.relu_(self(x).add_(other))
        sizes = (list(self.padding), list(self.stride), list(self.dilation), self.groups)
        weight = packed(self.weight, x.shape, *sizes)
        return onednn.CONVOLVE_AND_ADD(other, x, weight, self.bias, *sizes, "add", 1.0, "relu", [], "")


class OneDnnLinear(nn.Module):
    """A linear layer by oneDNN. PyTorch gives float32 to MKL, which takes twice as long on processors of AMD."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, x: Tensor) -> Tensor:
        """[..., n_in] -> [..., n_out]."""
        fits = _fits(x) and not torch.compiler.is_compiling()  # which takes its own operation, with constant weights
        if onednn.LINEAR is not None and fits:
            return onednn.LINEAR(x, self.weight, self.bias, "none", [], "")
        return F.linear(x, self.weight, self.bias)


def fuse(network: nn.Module) -> None:
    """Make the 2D and 3D convolutions of a network `FusedConvolution`s, in place, with the activations next to them.

    Next to means in a Sequential; what stands between (an Identity where a batch norm was) is skipped. Linear layers
    become `OneDnnLinear`s, but for those whose weights their module's forward reads itself (attention). A network says
    by an attribute `uses_winograd` that it gains by `utils.nn.cpu.winograd`.
    """
    use_winograd = getattr(network, "uses_winograd", False)
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Linear:
                setattr(module, name, OneDnnLinear(child))
            elif _is_plain(child):
                behind = _activation_behind(module, name) if isinstance(module, nn.Sequential) else None
                slope = getattr(module.get_submodule(behind), "negative_slope", 0.0) if behind else None
                setattr(module, name, FusedConvolution(child, slope, use_winograd))
                if behind:
                    setattr(module, behind, nn.Identity())
    _unwrap(network)


def _unwrap(network: nn.Module) -> None:
    """Put a convolution in the place of a Sequential in which nothing else is left."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            layers = [layer for layer in child.children() if not isinstance(layer, nn.Identity)]
            if isinstance(child, nn.Sequential) and len(layers) == 1 and isinstance(layers[0], FusedConvolution):
                setattr(module, name, layers[0])


def _fits(x: Tensor) -> bool:
    """Return whether oneDNN takes an input of a layer."""
    return x.device.type == "cpu" and x.dtype in (torch.float32, torch.bfloat16) and x.numel() > 0


def _is_plain(module: nn.Module) -> bool:
    """Return whether a module is a convolution and nothing else, with padding of zeros given in numbers."""
    is_one = type(module) in (nn.Conv2d, nn.Conv3d)
    return is_one and module.padding_mode == "zeros" and not isinstance(module.padding, str)


def _activation_behind(sequence: nn.Sequential, name: str) -> str | None:
    """Return the name of the ReLU or leaky ReLU that is the next layer after `name`, if it is one."""
    names = list(dict(sequence.named_children()))
    for later in names[names.index(name) + 1 :]:
        layer = sequence.get_submodule(later)
        if isinstance(layer, nn.ReLU | nn.LeakyReLU):
            return later
        if not isinstance(layer, nn.Identity):
            return None
    return None
