"""Frames to the input of S3D, as in video_features."""

from torch import Tensor

from utils.transforms.floats import resize_shorter_floats, to_floats
from utils.transforms.geometry import center_crop_even

SIDE = 224  # pixels, of the shorter side and of the crop


def to_network(frames: Tensor, signed: bool = False) -> Tensor:
    """Return the middle of the resized frames in 0..1, float32 [n, 3, 224, 224].

    For a few sizes of the shorter side (55, 71, ... 299, 332) the resize is one pixel short, and the network gets 223
    rows or columns.

    frames: uint8 RGB [n, H, W, 3]. signed: in -1..1 instead.
    """
    images = center_crop_even(resize_shorter_floats(to_floats(frames), SIDE), SIDE).contiguous()
    return images.mul_(2).sub_(1) if signed else images
