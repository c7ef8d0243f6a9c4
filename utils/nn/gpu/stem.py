"""First convolutions of stride 2 as convolutions of images with stride 1, on blocks of neighbours made channels.

cuDNN reaches a twentieth of a GPU's rate on 3 channels. Blocks of 2x2 pixels have 12, on which a kernel of 7x7 becomes
one of 4x4, with zeros for the eighth tap of each dimension. The frames under a kernel's taps along time are channels
of one image, for cuDNN is faster in two dimensions than in three. Where a kernel has few outputs, an image gives those
of several time steps. The sums are the same, in another order.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.nn.cpu.layout import PerWeight
from utils.nn.gpu import support

MOST_CHANNELS = 4  # 0 switches this off
LEAST_KERNEL = 5  # below, the zeros beside the taps are too many
MULTIPLE = 8  # of channels, in which tensor cores read them
OUTPUTS = 64  # channels that cuDNN computes at once; fewer take as long

_rearranged: PerWeight[Tensor] = PerWeight()


def fits(x: Tensor, weight: Tensor, stride: Sequence[int]) -> bool:
    """Return whether the convolution of x [B, C, (T,) H, W], not dilated and in one group, is faster on blocks."""
    block = stride[-2:]
    if weight.shape[1] > MOST_CHANNELS or 2 not in block or not set(block) <= {1, 2}:
        return False
    wide = all(size >= LEAST_KERNEL for size, step in zip(weight.shape[-2:], block, strict=True) if step == 2)
    return wide and support.fits(x) and not weight.is_inference()


def in_blocks(
    x: Tensor, weight: Tensor, stride: Sequence[int], padding: Sequence[tuple[int, int]]
) -> tuple[Tensor, Tensor]:
    """Return what gives the same convolution in two dimensions, with stride 1 and no padding: input and weight.

    padding: zeros before and after each dimension of x. The result has an image per sample and `group` of time steps,
    those of the last group perhaps past the end: [B * groups, group * C', H', W'].
    """
    if x.ndim == 4:
        stride, padding = (1, *stride), ((0, 0), *padding)
    clips, kernel = _as_clips(x), _as_clips(weight).shape[2:]
    sizes = zip(clips.shape[2:], kernel, stride, padding, strict=True)
    n_times, *n_outputs = [(length + sum(ends) - size) // step + 1 for length, size, step, ends in sizes]
    group = max(OUTPUTS // len(weight), 1) if kernel[0] > 1 else 1
    n_frames = kernel[0] + (group - 1) * stride[0]
    taps = [-(-size // step) for size, step in zip(kernel[1:], stride[1:], strict=True)]
    n_blocks = [outputs + tap - 1 for outputs, tap in zip(n_outputs, taps, strict=True)]
    n_channels = weight.shape[1] * n_frames * stride[1] * stride[2]
    channels = -(-n_channels // MULTIPLE) * MULTIPLE
    steps = (group * stride[0], *stride[1:])

    def made(plain: Tensor) -> Tensor:
        later = [(i * stride[0], (group - 1 - i) * stride[0]) for i in range(group)]
        grouped = torch.cat([F.pad(_as_clips(plain), (0, 0, 0, 0, *zeros)) for zeros in later])
        return rearranged(grouped, n_frames, steps, (1, *taps), (0, 0, 0), channels)

    run = support.kernel("in_blocks") or rearranged
    before = [first for first, _ in padding]
    images = run(clips, n_frames, steps, (-(-n_times // group), *n_blocks), before, channels)
    return images, _rearranged.get(weight, made)


def rearranged(
    x: Tensor, taps: int, strides: Sequence[int], n_blocks: Sequence[int], before: Sequence[int], channels: int
) -> Tensor:
    """Return images of the frames of x [B, C, T, H, W], with the neighbours of each block as channels, channels last.

    [B * n_blocks[0], channels, *n_blocks[1:]]: image t has the frames from strides[0] * t on, `taps` of them, in blocks
    of strides[1] x strides[2]. Channel ((frame * strides[1] + row) * strides[2] + column) * C + c; zeros follow.
    `before` zeros precede x, and zeros follow it, or some of its end is cut.
    """
    new = (strides[0] * (n_blocks[0] - 1) + taps, strides[1] * n_blocks[1], strides[2] * n_blocks[2])
    sizes = zip(x.shape[2:], new, before, strict=True)
    pads = [(first, size - first - length) for length, size, first in sizes]
    x = F.pad(x, [zeros for pair in reversed(pads) for zeros in pair]).unfold(2, taps, strides[0])
    blocks = x.unflatten(4, (n_blocks[2], strides[2])).unflatten(3, (n_blocks[1], strides[1]))
    y = blocks.permute(0, 2, 3, 5, 7, 4, 6, 1).flatten(4).flatten(0, 1)  # B, T', H', W', frame, row, column, C
    return F.pad(y, (0, channels - y.shape[-1])).movedim(-1, 1)


def _as_clips(images: Tensor) -> Tensor:
    """Return [B, C, T, H, W]: images are clips of one frame."""
    return images if images.ndim == 5 else images.unsqueeze(2)
