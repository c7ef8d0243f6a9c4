"""Frames to the pyramid of grey levels that TV-L1 reads: pure functions."""

import cv2
import numpy as np
import torch
from torch import Tensor

SCALE_STEP = 0.8  # of the sides, from one level of the pyramid to the next
MIN_SIDE = 16  # pixels: a smaller level is left out
RED, GREEN, BLUE = 9798, 19235, 3735  # OpenCV's weights of 8-bit colours, in units of 1 / 2^15
UNITS = 1 << 15


def to_grey(frames: Tensor) -> Tensor:
    """Return grey levels, whole numbers in 0..255, float32 [n, 1, H, W], bit for bit as OpenCV's COLOR_RGB2GRAY.

    frames: RGB, whole numbers in 0..255, float32 [n, 3, H, W]. All sums are below 2^24, so float32 is exact.
    """
    red, green, blue = frames.float().unbind(1)
    return ((RED * red + GREEN * green + BLUE * blue + UNITS // 2) / UNITS).floor()[:, None]


def level_sizes(size: tuple[int, int], scales: int) -> list[tuple[int, int]]:
    """Return (H, W) of the levels of the pyramid, the frame's own first, `scales` of them at most."""
    sizes = [size]
    while len(sizes) < scales:
        height, width = (round(SCALE_STEP * side) for side in sizes[-1])
        if min(height, width) < MIN_SIDE:
            break
        sizes.append((height, width))
    return sizes


def pyramid(grey: Tensor, scales: int) -> tuple[Tensor, ...]:
    """Return the levels of the pyramid, float32 [n, 1, h, w] each, the frame itself first.

    Each is the one before, sampled bilinearly every 1.25 pixels, though sizes are rounded: OpenCV's step is not their
    ratio. On a CPU OpenCV does it: its rounding counts there.
    """
    levels = [grey]
    for size in level_sizes((grey.shape[-2], grey.shape[-1]), scales)[1:]:
        levels.append(_smaller(levels[-1], size))
    return tuple(levels)


def _smaller(images: Tensor, size: tuple[int, int]) -> Tensor:
    if images.device.type != "cpu":
        return torch.ops.aten.upsample_bilinear2d(images, size, False, SCALE_STEP, SCALE_STEP)
    small = [cv2.resize(image, None, fx=SCALE_STEP, fy=SCALE_STEP) for image in images[:, 0].numpy()]
    return torch.from_numpy(np.stack(small))[:, None]


def gradients(images: Tensor) -> Tensor:
    """Return the images and half the difference of their neighbours in x and in y, [n, 3, H, W].

    Beyond the border the images are repeated. images: [n, 1, H, W].
    """
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1), mode="replicate")
    along_x = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
    along_y = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
    return torch.cat((images, along_x / 2, along_y / 2), dim=1)
