"""Frames to the input of PWC-Net, and its output to pixels: pure functions."""

import math

from torch import Tensor
from torch.nn import functional

MULTIPLE = 64  # both sides of the input: six levels, each half the size of the one before
FLOW_UNIT_PIXELS = 20.0  # the network was trained on flow divided by 20 (paper, section 4)


def network_size(size: tuple[int, int]) -> tuple[int, int]:
    """(H, W) of `size` raised to multiples of 64."""
    return math.ceil(size[0] / MULTIPLE) * MULTIPLE, math.ceil(size[1] / MULTIPLE) * MULTIPLE


def to_network(frames: Tensor) -> Tensor:
    """The network's input: BGR in 0..1, float32 [n, 3, Hp, Wp], stretched to multiples of 64, not padded.

    frames: RGB, float32 [n, 3, H, W] in 0..255.
    """
    return _resized(frames.float().flip(1) / 255.0, network_size(_size(frames)))


def to_pixels(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """Flow in pixels of frames of `size`, float32 [n, 2, H, W], channel 0 horizontal.

    flow: the network's result, [n, 2, Hp / 4, Wp / 4] in units of 20 pixels of the stretched frames.
    """
    padded_height, padded_width = network_size(size)
    pixels = _resized(flow.float(), size) * FLOW_UNIT_PIXELS
    pixels[:, 0] *= size[1] / padded_width
    pixels[:, 1] *= size[0] / padded_height
    return pixels


def _size(images: Tensor) -> tuple[int, int]:
    return images.shape[-2], images.shape[-1]


def _resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear with half-pixel centres and no antialiasing, as the reference does."""
    return functional.interpolate(images, size, mode="bilinear", align_corners=False)
