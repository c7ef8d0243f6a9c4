"""Sizes of frames, and regions in them: integers, and views of tensors."""

from typing import NamedTuple

from torch import Tensor


class Region(NamedTuple):
    """A rectangle of a frame, in pixels."""

    top: int
    left: int
    height: int
    width: int

    def of(self, frames: Tensor) -> Tensor:
        """Return a view of the rectangle in frames [n, H, W, 3]."""
        return frames[:, self.top : self.top + self.height, self.left : self.left + self.width]


def height_dim(frames: Tensor) -> int:
    """Return the dimension of rows: -3 of frames [..., H, W, 3], -2 of [..., C, H, W]."""
    return -3 if frames.shape[-1] == 3 else -2


def shorter_side(height: int, width: int, side: int) -> tuple[int, int]:
    """Return (height, width) with `side` as the shorter one, the other rounded down: 239, 427 -> 256, 457."""
    if min(height, width) == side:
        return height, width
    if width >= height:
        return side, int(side * width / height)
    return int(side * height / width), side


def wide(_height: int, _width: int, side: int) -> tuple[int, int]:
    """Return (side, side * 340 / 256) whatever the frame's shape: 256 x 340 in the field's anomaly detection."""
    return side, side * 340 // 256


def longer_side(height: int, width: int, side: int) -> tuple[int, int]:
    """Return (height, width) with `side` as the longer one, the other rounded down, at least 1."""
    if width >= height:
        return max(int(side * height / width), 1), side
    return side, max(int(side * width / height), 1)


def center_crop_box(height: int, width: int, side: int) -> tuple[int, int]:
    """Return (top, left) of the square of `side` pixels in the middle, both rounded down.

    Raises:
        ValueError: the square is larger than the image.
    """
    if min(height, width) < side:
        raise ValueError(f"cannot crop {side}x{side} out of {height}x{width}")
    return (height - side) // 2, (width - side) // 2


def center_crop(images: Tensor, side: int, height_dim: int = -2) -> Tensor:
    """Return a view of the middle square; the width is the dimension after `height_dim`.

    height_dim: -2 for [..., H, W], -3 for frames [..., H, W, 3].
    """
    top, left = center_crop_box(images.shape[height_dim], images.shape[height_dim + 1], side)
    return images.narrow(height_dim, top, side).narrow(height_dim + 1, left, side)


def shorter_side_rounded(height: int, width: int, side: int) -> tuple[int, int]:
    """Return (height, width) with `side` as the shorter one, the other rounded, as mmaction2 does: 168, 94 -> 458, 256.

    `shorter_side` rounds down.
    """
    scale = side / min(height, width)
    return int(height * scale + 0.5), int(width * scale + 0.5)


def center_crop_even(images: Tensor, side: int) -> Tensor:
    """Return a view of the middle square of [..., H, W]; half of an odd margin is rounded to even.

    A dimension below `side` is not cropped. (`center_crop` rounds down.)
    """
    for dim in (-2, -1):
        start = max(round((images.shape[dim] - side) / 2), 0)
        images = images.narrow(dim, start, min(side, images.shape[dim]))
    return images
