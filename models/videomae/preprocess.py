"""Frames to the input of VideoMAE V2, as in its extract_tad_feature.py."""

from torch import Tensor

from utils.nn.vision_transformer import SIDE
from utils.transforms.constants import constant
from utils.transforms.floats import resize_floats, to_floats
from utils.transforms.geometry import center_crop_even
from utils.transforms.image_input import IMAGENET_MEAN, IMAGENET_STD

SQUASHED = (SIDE, SIDE)


def to_network(frames: Tensor, normalize: bool = False, size: tuple[int, int] = SQUASHED, crop: bool = True) -> Tensor:
    """Return frames squashed to 224x224, in 0..1, float32 [n, 3, 224, 224].

    frames: uint8 RGB [n, H, W, 3]. normalize: by ImageNet's mean and deviation.
    size: (h, w) to resize to instead, before the middle is taken. crop: False returns all of the frames.
    """
    images = resize_floats(to_floats(frames), size)
    if crop:
        images = center_crop_even(images, SIDE)
    if not normalize:
        return images
    mean, std = (constant(v, frames.device).view(3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    return (images - mean) / std
