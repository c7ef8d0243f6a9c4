"""Frames to the input of S3D, as in video_features; or of that of HowTo100M."""

from torch import Tensor

from utils.transforms.floats import resize_floats, resize_shorter_floats, to_floats
from utils.transforms.geometry import center_crop_even, shorter_side

SIDE = 224  # pixels, of the shorter side and of the crop


def to_network(frames: Tensor, signed: bool = False) -> Tensor:
    """Return the middle of the resized frames in 0..1, float32 [n, 3, 224, 224].

    For a few sizes of the shorter side (55, 71, ... 299, 332) the resize is one pixel short, and the network gets 223
    rows or columns.

    frames: uint8 RGB [n, H, W, 3]. signed: in -1..1 instead.
    """
    images = center_crop_even(resize_shorter_floats(to_floats(frames), SIDE), SIDE).contiguous()
    return images.mul_(2).sub_(1) if signed else images


def to_howto100m(frames: Tensor) -> Tensor:
    """Return the middle of frames with a shorter side of 224, in 0..1, float32 [n, 3, 224, 224].

    frames: uint8 RGB [n, H, W, 3].
    """
    size = shorter_side(frames.shape[1], frames.shape[2], SIDE)
    return center_crop_even(resize_floats(to_floats(frames), size), SIDE).contiguous()
