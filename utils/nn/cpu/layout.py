"""How tensors of convolutions lie in memory: channels last, and weights packed as oneDNN's kernels read them.

oneDNN packs a plain weight again in every call: 100 MB per batch of a ResNet-50.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from utils.nn.cpu import onednn

CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}  # by the dimensions of the input


def is_channels_last(x: Tensor) -> bool:
    """Return whether a batch [B, C, (T,) H, W] has its channels last in memory."""
    return x.is_contiguous(memory_format=CHANNELS_LAST[x.ndim])


def use_channels_last(network: nn.Module) -> None:
    """Put the channels of 2D and 3D convolutions' weights last in memory, in place; so are those of their outputs."""
    for parameter in network.parameters():
        if parameter.ndim in CHANNELS_LAST:
            parameter.data = parameter.data.contiguous(memory_format=CHANNELS_LAST[parameter.ndim])


Made = TypeVar("Made")


class PerWeight(Generic[Made]):
    """Caches what is made from each weight until the weight changes or is gone.

    Threads that need the same at once, each for its rows of the first batch, wait for the one that makes it.
    """

    def __init__(self) -> None:
        self._known: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
        self._making = threading.Lock()

    def get(self, weight: Tensor, make: Callable[[Tensor], Made]) -> Made:
        """Return make(weight). The weight must not be an inference tensor: those do not record that they changed."""
        state = (weight.data_ptr(), weight._version)
        with self._making:
            known = self._known.get(weight)
            if known is None or known[0] != state:
                with torch.inference_mode(False):  # so that the result can be a weight here, too
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
    """Return a weight packed for oneDNN's convolutions, cached; or the weight itself where that cannot be done.

    shape: of the first input. Inputs of other shapes give the same results; oneDNN repacks where they need it.
    """
    pack = onednn.PACK_WEIGHT
    if pack is None or weight.is_inference() or torch.compiler.is_compiling():  # the compiler packs by itself
        return weight
    return _packed.get(weight, lambda plain: pack(plain, padding, stride, dilation, groups, list(shape)))
