"""First convolutions of stride 2 as convolutions of stride 1, on blocks of neighbours made channels.

cuDNN reaches a twentieth of a GPU's rate on 3 channels. Blocks of 2x2x2 positions have 24, on which a kernel of 7x7x7
becomes one of 4x4x4, with zeros for the eighth tap of each dimension: the sums are the same, in another order.
"""

import math
from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from utils.nn.cpu.layout import PerWeight
from utils.nn.gpu import support

MOST_CHANNELS = 4  # 0 switches this off
LEAST_KERNEL = 5  # below, the zeros beside the taps are too many
MULTIPLE = 8  # of channels, in which tensor cores read them

_rearranged: PerWeight[Tensor] = PerWeight()


def fits(x: Tensor, weight: Tensor, stride: Sequence[int]) -> bool:
    """Return whether the convolution of x [B, C, (T,) H, W], not dilated and in one group, is faster on blocks."""
    if weight.shape[1] > MOST_CHANNELS or 2 not in stride or not set(stride) <= {1, 2}:
        return False
    wide = all(size >= LEAST_KERNEL for size, step in zip(weight.shape[2:], stride, strict=True) if step == 2)
    return wide and support.fits(x) and not weight.is_inference()


def in_blocks(
    x: Tensor, weight: Tensor, stride: Sequence[int], padding: Sequence[tuple[int, int]]
) -> tuple[Tensor, Tensor]:
    """Return what gives the same convolution with stride 1 and no padding: input and weight.

    padding: zeros before and after each dimension of x.
    """
    sizes = zip(x.shape[2:], weight.shape[2:], stride, padding, strict=True)
    n_outputs = [(length + sum(ends) - kernel) // step + 1 for length, kernel, step, ends in sizes]
    taps = [-(-kernel // step) for kernel, step in zip(weight.shape[2:], stride, strict=True)]
    n_blocks = [outputs + tap - 1 for outputs, tap in zip(n_outputs, taps, strict=True)]
    channels = _filled(weight.shape[1], math.prod(stride))
    weight = _rearranged.get(weight, lambda plain: rearranged(plain, stride, taps, [0] * len(taps), channels))
    before = [first for first, _ in padding]
    run = support.kernel("in_blocks")
    if run is None:
        return rearranged(x, stride, n_blocks, before, channels), weight
    deep = (1,) * (5 - x.ndim)  # images are clips of one frame
    clips = x if x.ndim == 5 else x.unsqueeze(2)
    y = run(clips, (*deep, *stride), (*deep, *n_blocks), (*(0 for _ in deep), *before), channels)
    return y if x.ndim == 5 else y.squeeze(2), weight


def rearranged(
    x: Tensor, block: Sequence[int], n_blocks: Sequence[int], before: Sequence[int], channels: int
) -> Tensor:
    """Return x [B, C, (T,) H, W] with the neighbours of each block as channels, channels last.

    [B, block * channels, *n_blocks]: channel (position in the block) * channels + c. `before` zeros precede x, and
    zeros follow it, or some of its end is cut, up to n_blocks; channels after C are zeros.
    """
    pads = [0, 0, 0, channels - x.shape[1]]  # of B and C, in the order of the dimensions
    for length, step, count, first in zip(x.shape[2:], block, n_blocks, before, strict=True):
        pads += [first, step * count - first - length]
    x = F.pad(x, [pads[i + end] for i in range(len(pads) - 2, 0, -2) for end in (0, 1)])
    shape = [*x.shape[:2], *(size for pair in zip(n_blocks, block, strict=True) for size in pair)]
    n_dims = len(block)
    order = [0, *range(2, 2 * n_dims + 2, 2), *range(3, 2 * n_dims + 3, 2), 1]
    return x.reshape(shape).permute(order).flatten(n_dims + 1).movedim(-1, 1)


def _filled(n_channels: int, block: int) -> int:
    """Return the channels of each position so that those of a block are a multiple of 8."""
    unit = MULTIPLE // math.gcd(MULTIPLE, block)
    return -(-n_channels // unit) * unit
