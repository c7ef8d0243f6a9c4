"""Frames to the input of InternVideo2, as in the demo of its code."""

import torch
from torch import Tensor

from utils.nn.vision_transformer import SIDE
from utils.transforms.floats import normalize
from utils.transforms.image_input import IMAGENET_MEAN, IMAGENET_STD, middle
from utils.transforms.opencv import resize_opencv

SQUASHED = (SIDE, SIDE)


def resized(frames: Tensor, size: tuple[int, int] = SQUASHED, crop: bool = True) -> Tensor:
    """Return frames at 224x224, whatever their aspect ratio, uint8 [n, 224, 224, 3]; OpenCV's resize.

    frames: uint8 RGB [n, H, W, 3].
    size: (h, w) to resize to instead, before the middle is taken. crop: False returns all of the frames.
    """
    whole = resize_opencv(frames, size)
    return middle(size, SQUASHED).of(whole) if crop else whole


def network_input(clips: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return normalized clips, [B, 3, T, 224, 224]. clips: uint8 [B, T, 224, 224, 3]."""
    return normalize(clips, IMAGENET_MEAN, IMAGENET_STD, 255.0, dtype).permute(0, 4, 1, 2, 3)
