"""Convolutions with all that follows them in one pass: by cuDNN with a ReLU, else by one kernel after it.

PyTorch adds the bias in a pass over memory, and the activation in another.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.nn.cpu.layout import is_channels_last
from utils.nn.gpu import stem, support

PLAIN = {4: F.conv2d, 5: F.conv3d}  # by the dimensions of the input
RELU_IN_CUDNN = True  # torch.cudnn_convolution_relu
SUM_IN_CUDNN = True  # torch.cudnn_convolution_add_relu

_refused: set[tuple[Any, ...]] = set()  # calls for which cuDNN has no kernel


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    slope: float | None,
) -> Tensor:
    """Return the convolution of x, with the activation of this slope below 0; see `utils.nn.cpu.convolution`."""
    undilated = all(step == 1 for step in dilation)
    if groups == 1 and undilated and stem.fits(x, weight, stride):
        return convolve_in_blocks(x, weight, bias, stride, [(zeros, zeros) for zeros in padding], slope)
    sizes = (stride, padding, dilation, groups)
    if slope == 0 and RELU_IN_CUDNN and undilated:
        y = _in_one_call(torch.cudnn_convolution_relu, x, weight, bias, *sizes)
        if y is not None:
            return y
    return add_and_activate(PLAIN[x.ndim](x, weight, None, *sizes), bias, slope)


def convolve_in_blocks(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    slope: float | None,
) -> Tensor:
    """Return the same of an x that `stem.fits`; padding: zeros before and after each dimension."""
    images, taps = stem.in_blocks(x, weight, stride, padding)
    group = len(taps) // len(weight)  # time steps that an image gives
    bias = bias.repeat(group) if bias is not None and group > 1 else bias
    y = convolve(images, taps, bias, [1, 1], [0, 0], [1, 1], 1, slope)
    if x.ndim == 4:
        return y
    n_times = (x.shape[2] + sum(padding[0]) - weight.shape[2]) // stride[0] + 1
    steps = y.unflatten(1, (group, -1)).movedim(2, -1)  # [images, group, H', W', C']
    return steps.reshape(len(x), -1, *steps.shape[2:])[:, :n_times].movedim(-1, 1)


def add_and_relu(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    other: Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Tensor:
    """Return relu(convolution of x + other)."""
    sizes = (stride, padding, dilation, groups)
    if SUM_IN_CUDNN and all(step == 1 for step in dilation):
        y = _in_one_call(torch.cudnn_convolution_add_relu, x, weight, other, 1.0, bias, *sizes)
        if y is not None:
            return y
    return F.relu_(convolve(x, weight, bias, *sizes, None).add_(other))


def _in_one_call(operation: Callable[..., Tensor], x: Tensor, weight: Tensor, *rest: Any) -> Tensor | None:
    """Return what cuDNN's operation gives, None where it is switched off or has no kernel for these sizes."""
    call = (operation, x.shape, x.dtype, weight.shape)
    if not torch.backends.cudnn.enabled or call in _refused:
        return None
    try:
        return operation(x, weight, *rest)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError:  # another layer or another size may do
        _refused.add(call)
        return None


def add_and_activate(y: Tensor, bias: Tensor | None, slope: float | None) -> Tensor:
    """Add a bias to y and apply the activation, in place."""
    run = support.kernel("add_and_activate") if bias is not None and is_channels_last(y) else None
    if run is not None:
        return run(y, bias, 1.0 if slope is None else slope)
    if bias is not None:
        y.add_(bias.view(-1, *[1] * (y.ndim - 2)))
    return activated(y, slope)


def activated(y: Tensor, slope: float | None) -> Tensor:
    """Apply the activation of this slope below 0 in place, if there is one."""
    if slope is None:
        return y
    return F.leaky_relu_(y, slope) if slope else F.relu_(y)
