"""Frames to the input of R(2+1)D, as in video_features."""

from torch import Tensor

from utils.transforms.constants import constant
from utils.transforms.floats import resize_floats, to_floats
from utils.transforms.geometry import center_crop_even

SIZE = (128, 171)  # of every frame, whatever its aspect ratio
CROP_SIDE = 112  # rows 8 to 119, columns 30 to 141
MEAN = (0.43216, 0.394666, 0.37645)
STD = (0.22803, 0.22145, 0.216989)


def to_network(frames: Tensor, size: tuple[int, int] = SIZE, crop: bool = True) -> Tensor:
    """Return the normalized middle of frames stretched to 128x171, float32 [n, 3, 112, 112].

    frames: uint8 RGB [n, H, W, 3]. size: (h, w) to resize to instead. crop: False returns all of the frames.
    """
    images = resize_floats(to_floats(frames), size)
    if crop:
        images = center_crop_even(images, CROP_SIDE)
    mean, std = (constant(values, frames.device).view(3, 1, 1) for values in (MEAN, STD))
    return (images - mean) / std
