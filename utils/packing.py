"""Weights of convolutions laid out as oneDNN's kernels read them.

Given a plain weight, oneDNN lays it out anew in every call: 100 MB per batch of a ResNet-50.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from utils.of_weights import OfWeights

_packed: OfWeights[Tensor] = OfWeights()


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
    if weight.is_inference() or torch.compiler.is_compiling():  # the compiler does so by itself
        return weight
    reorder = torch.ops.mkldnn._reorder_convolution_weight
    return _packed.get(weight, lambda plain: reorder(plain, padding, stride, dilation, groups, list(shape)))
