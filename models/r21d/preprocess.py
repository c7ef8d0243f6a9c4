"""Frames to the input of R(2+1)D, as in video_features."""

from torch import Tensor

from utils.transforms.constants import constant
from utils.transforms.floats import resize_floats, to_floats
from utils.transforms.geometry import center_crop_even

SIZE = (128, 171)  # of every frame, whatever its aspect ratio
CROP_SIDE = 112  # rows 8 to 119, columns 30 to 141
MEAN = (0.43216, 0.394666, 0.37645)
STD = (0.22803, 0.22145, 0.216989)


def to_network(frames: Tensor) -> Tensor:
    """Return the normalized middle of frames stretched to 128x171, float32 [n, 3, 112, 112].

    frames: uint8 RGB [n, H, W, 3].
    """
    images = center_crop_even(resize_floats(to_floats(frames), SIZE), CROP_SIDE)
    mean, std = (constant(values, frames.device).view(3, 1, 1) for values in (MEAN, STD))
    return (images - mean) / std
