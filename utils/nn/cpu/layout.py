"""Weights of convolutions laid out as oneDNN's kernels read them.

Given a plain weight, oneDNN lays it out anew in every call: 100 MB per batch of a ResNet-50.
"""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from utils.nn.cpu import onednn

CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}  # by the dimensions of the input


def is_channels_last(x: Tensor) -> bool:
    """Return whether a batch [B, C, (T,) H, W] lies so."""
    return x.is_contiguous(memory_format=CHANNELS_LAST[x.ndim])


def lay_out(network: nn.Module) -> None:
    """Lay out the weights of 2D and 3D convolutions so, in place; what they give lies so too."""
    for parameter in network.parameters():
        if parameter.ndim in CHANNELS_LAST:
            parameter.data = parameter.data.contiguous(memory_format=CHANNELS_LAST[parameter.ndim])


Made = TypeVar("Made")


class PerWeight(Generic[Made]):
    """Keeps what was made of each weight until the weight changes or is gone."""

    def __init__(self) -> None:
        self._known: WeakTensorKeyDictionary = WeakTensorKeyDictionary()

    def get(self, weight: Tensor, make: Callable[[Tensor], Made]) -> Made:
        """Return what `make` gives for the weight, which is no inference tensor: those do not tell when they change."""
        state = (weight.data_ptr(), weight._version)
        known = self._known.get(weight)
        if known is None or known[0] != state:
            with torch.inference_mode(False):  # so that more can be made of what is made here
                known = (state, make(weight.detach()))
            self._known[weight] = known
        return known[1]


_packed: PerWeight[Tensor] = PerWeight()


def packed(
    weight: Tensor,
    shape: Sequence[int],
    padding: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Tensor:
    """Return a weight for oneDNN's convolution operations; made once per weight, and gone with it.

    shape: of the first input. Any other shape gives the same results, and is laid out for as well where that differs.
    """
    lay_out = onednn.LAY_OUT_WEIGHT
    if lay_out is None or weight.is_inference() or torch.compiler.is_compiling():  # the compiler does so by itself
        return weight
    return _packed.get(weight, lambda plain: lay_out(plain, padding, stride, dilation, groups, list(shape)))
