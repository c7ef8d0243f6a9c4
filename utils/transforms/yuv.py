"""YUV 4:2:0 to RGB by the integers of FFmpeg's swscale on x86 processors, to the bit, on any device."""

from functools import lru_cache

import torch
from torch import Tensor

from utils.transforms.constants import constant
from utils.transforms.kernels import usable
from utils.transforms.yuv_matrices import MATRICES

CHROMA_ZERO = 128


def to_rgb(luma: Tensor, chroma: Tensor, matrix: int, full_range: bool) -> Tensor:
    """Return what swscale makes of 8-bit frames, uint8 [n, H, W, 3].

    A sample of chroma is shared by two rows and columns, as swscale does it for frames of an even height that it does
    not resize.

    luma: uint8 [n, H, W], of even sides. chroma: U and V, uint8 [n, H / 2, W / 2, 2]. matrix: a key of MATRICES.
    """
    scale, offset, *factors = integers(matrix, full_range)
    if usable(luma.device):
        from utils.transforms.pixel_kernels import yuv_to_rgb

        return yuv_to_rgb(luma, chroma, (scale, offset, *factors))
    bright = _high(8 * luma.int() - offset, scale)
    differences = 8 * (chroma.int() - CHROMA_ZERO)  # [n, h, w, 2]
    parts = _high(
        differences[..., None], constant(tuple(factors), luma.device).view(2, 3)
    )  # of U and V, for each colour
    colours = parts.sum(-2).repeat_interleave(2, 1).repeat_interleave(2, 2)
    return (bright[..., None] + colours).clamp_(0, 255).to(torch.uint8)


def _high(values: Tensor, factor: Tensor | int) -> Tensor:
    """Return the upper 16 bits of products of 16-bit integers, each rounded down."""
    return (values * factor) >> 16


@lru_cache
def integers(matrix: int, full_range: bool) -> tuple[int, ...]:
    """Return the factor of luma, what is taken from 8 times luma before, and the factors of U and of V for RGB."""
    red, blue, green_u, green_v = MATRICES[matrix]
    luma, zero = 1 << 16, 0
    if full_range:
        red, blue, green_u, green_v = (factor * 224 // 255 for factor in (red, blue, green_u, green_v))
    else:
        luma, zero = luma * 255 // 219, 16
    of_u, of_v = (0, -green_u, blue), (red, -green_v, 0)
    return _eighth(luma), 8 * zero, *(_eighth(factor) for factor in (*of_u, *of_v))


def _eighth(factor: int) -> int:
    return (factor + 4) >> 3
