"""Which way up a video is shown: the display matrix of a stream, and turning pixels accordingly."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import numpy as np
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame

DISPLAY_MATRIX = "DISPLAYMATRIX"


@dataclass(frozen=True)
class Orientation:
    """How stored pixels become upright ones: first swap rows and columns, then reverse them."""

    transpose: bool = False
    reverse_rows: bool = False  # swap top and bottom
    reverse_columns: bool = False  # swap left and right
    known: bool = True  # False: not a multiple of 90 degrees; pixels stay as stored

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return (width, height) of the upright frame."""
        return (height, width) if self.transpose else (width, height)

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Return an upright view of pixels [H, W, 3]."""
        if self.transpose:
            pixels = pixels.transpose(1, 0, 2)
        return pixels[:: -1 if self.reverse_rows else 1, :: -1 if self.reverse_columns else 1]


def from_matrix(matrix: bytes) -> Orientation:
    """Return the orientation that a display matrix asks for.

    matrix: nine 32-bit integers of the machine's byte order, rows (a, b, u), (c, d, v), (x, y, w): the point (x, y) is
    shown at (a x + c y, b x + d y), as ISO/IEC 14496-12 defines it for the track header.
    """
    a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].tolist()
    if b == c == 0 and a and d:
        return Orientation(reverse_rows=d < 0, reverse_columns=a < 0)
    if a == d == 0 and b and c:
        return Orientation(transpose=True, reverse_rows=b < 0, reverse_columns=c < 0)
    return Orientation(known=False)


def orientation(frame: VideoFrame) -> Orientation:
    """Return how to turn a decoded frame; upright where the file says nothing."""
    try:
        for data in cast(Iterable[SideData], frame.side_data):  # PyAV's stub names the type of motion vectors only
            if data.type.name == DISPLAY_MATRIX:
                return from_matrix(bytes(data))
    except ValueError:  # beside data of a type that PyAV does not know, such as EXIF, it gives the angle alone
        angle = np.deg2rad(frame.rotation)
        cos, sin = round(np.cos(angle)), round(np.sin(angle))
        return from_matrix(np.array([cos, -sin, 0, sin, cos], np.int32).tobytes())
    return Orientation()
