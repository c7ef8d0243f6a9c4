"""How the frames of a chunk are stored."""

from dataclasses import dataclass
from typing import NamedTuple

from utils.media.crop import Crop
from utils.media.rotation import Orientation


@dataclass(frozen=True)
class Yuv:
    """What the planes of 8-bit 4:2:0 frames, uint8 [n, H * 3 / 2, W], are, and how they become upright RGB.

    H rows of luma, then U and V: one sample of each in turn where they are interleaved, else all of U before all of V.
    """

    interleaved: bool
    matrix: int  # coefficients (ITU-T H.273)
    full_range: bool
    crop: Crop
    turn: Orientation


class Layout(NamedTuple):
    """The shape of a frame's bytes, [H, W, 3] of upright RGB; or of its planes, and what they are."""

    shape: tuple[int, ...]
    yuv: Yuv | None = None


def rgb_layout(size: tuple[int, int]) -> Layout:
    """Return the layout of RGB frames of this (width, height)."""
    width, height = size
    return Layout((height, width, 3))
