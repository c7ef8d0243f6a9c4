"""Resizing and cropping as PyTorch models do it on floats: no rounding to 8 bits, no antialiasing."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from utils.transforms.constants import constant
from utils.transforms.kernels import usable


def divided(values: Tensor, divisor: float) -> Tensor:
    """Return uint8 or float32 values / divisor, float32, written over float32 on a CPU.

    A GPU converts bytes in the same pass; a CPU is slower that way.
    """
    return values.float().div_(divisor) if values.device.type == "cpu" else torch.div(values, divisor)


def to_floats(frames: Tensor) -> Tensor:
    """Return frames as float32 [n, 3, H, W] in 0..1.

    frames: uint8 [n, H, W, 3].
    """
    return divided(frames.permute(0, 3, 1, 2), 255)


def resize_floats(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Return float32 [n, C, h, w]: bilinear, half-pixel centres, no antialiasing.

    images: float32 [n, C, H, W]. size: (h, w).
    """
    return functional.interpolate(images, size, mode="bilinear", align_corners=False)


def resize_shorter_floats(images: Tensor, side: int) -> Tensor:
    """Return float32 [n, C, h, w], scaled by exactly `side` / shorter side; both sides are rounded down.

    Sides are floor(length * scale) long, and their pixels are 1 / scale apart in the input. So the shorter side may be
    `side` - 1, where the product is just below it, and the longer side may not reach the edge of the input.

    images: float32 [n, C, H, W].
    """
    scale = side / min(images.shape[-2:])
    return functional.interpolate(
        images, scale_factor=scale, mode="bilinear", align_corners=False, recompute_scale_factor=False
    )


def normalize(
    pixels: Tensor,
    mean: Sequence[float],
    std: Sequence[float],
    divisor: float = 1.0,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Return (pixels / divisor - mean) / std, [..., H, W, 3], written over contiguous float32 on a CPU.

    It is computed in float32, and rounded to another type at the end: on a GPU in one pass over bytes.

    pixels: contiguous, uint8 or float32. mean, std: of each channel. They are applied row by row: an inner loop over
        three channels is four times slower.
    """
    if pixels.dtype == torch.uint8 and usable(pixels.device):
        from utils.transforms.pixel_kernels import normalize as in_one_pass

        return in_one_pass(pixels, mean, std, divisor, dtype)
    rows = (pixels if divisor == 1 else divided(pixels, divisor)).flatten(-2)
    mean_row, std_row = (_row(values, pixels) for values in (mean, std))
    rows = rows.float().sub_(mean_row) if rows.device.type == "cpu" else torch.sub(rows, mean_row)
    rows = rows if set(std) == {1} else rows.div_(std_row)
    return rows.view(pixels.shape).to(dtype)


def _row(values: Sequence[float], pixels: Tensor) -> Tensor | float:
    """Return the values of the channels for a row of pixels, [W * 3]; the value itself if there is only one."""
    return values[0] if len(set(values)) == 1 else constant(values, pixels.device).repeat(pixels.shape[-2])
