"""Frames to the input of SlowFast, as in four published tools.

pytorchvideo's tutorial on torch.hub (facebookresearch/pytorchvideo), ACAV100M (sangho-vision/acav100m), the
2-second-clip script of yogesh-iitj/video_features, and linjieli222/HERO_Video_Feature_Extractor (commit edcc012).
"""

import torch
from torch import Tensor

from models.slowfast.config import HERO_SIDE
from utils.extractors.views_config import Resize
from utils.transforms.floats import normalize, resize_floats, to_floats
from utils.transforms.geometry import center_crop_even, shorter_side_rounded
from utils.transforms.image_input import middle
from utils.transforms.opencv import resize_opencv

SIDE = 256  # pixels
MEAN = 0.45  # of each channel, in 0..1
STD = 0.225


SHORTER_SIDE, SQUASHED, DECODED = Resize(side=SIDE), Resize(size=(SIDE, SIDE)), Resize()
RESIZES = {"pytorchvideo": SHORTER_SIDE, "acav100m": SHORTER_SIDE, "squash": SQUASHED, "hero": DECODED}


def pytorchvideo(frames: Tensor, resize: Resize = SHORTER_SIDE, crop: bool = True) -> Tensor:
    """Return the middle of frames with a shorter side of 256, float32 [n, 3, 256, 256] in 0..1.

    frames: uint8 [n, H, W, 3]. crop: False returns all of the frames.
    """
    images = _resized(frames, resize)
    return center_crop_even(images, SIDE).contiguous() if crop else images


def acav100m(frames: Tensor, resize: Resize = SHORTER_SIDE, crop: bool = True) -> Tensor:
    """Return the left (landscape) or top (portrait) crop instead of the middle: ACAV100M crops at 0, 0."""
    images = _resized(frames, resize)
    return images[..., :SIDE, :SIDE].contiguous() if crop else images


def squash(frames: Tensor, resize: Resize = SQUASHED, crop: bool = True) -> Tensor:
    """Return whole frames at 256x256, whatever their aspect ratio, uint8 [n, 256, 256, 3]; OpenCV's resize."""
    size = resize.of(frames.shape[1], frames.shape[2], SIDE, shorter_side_rounded)
    images = resize_opencv(frames, size)
    return middle(size, (SIDE, SIDE)).of(images) if crop else images


def hero(frames: Tensor, _resize: Resize = DECODED, crop: bool = True) -> Tensor:
    """Return the middle of frames that were scaled while they were decoded, uint8 [n, 224, 224, 3]."""
    box = middle((frames.shape[1], frames.shape[2]), (HERO_SIDE, HERO_SIDE), low=True)
    return box.of(frames).contiguous() if crop else frames


PRESETS = {"pytorchvideo": pytorchvideo, "acav100m": acav100m, "squash": squash, "hero": hero}


def network_input(clips: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return normalized clips, [B, 3, T, h, w]; float32 those of float32.

    clips: prepared frames, float32 [B, T, 3, h, w] in 0..1 or uint8 [B, T, h, w, 3].
    """
    if clips.is_floating_point():
        return ((clips - MEAN) / STD).transpose(1, 2)
    return normalize(clips, (MEAN,) * 3, (STD,) * 3, 255.0, dtype).permute(0, 4, 1, 2, 3)


def _resized(frames: Tensor, resize: Resize) -> Tensor:
    """Return resized frames, float32 [n, 3, h, w] in 0..1, bilinear without antialias."""
    size = resize.of(frames.shape[1], frames.shape[2], SIDE, _shorter_side)
    return resize_floats(to_floats(frames), size)


def _shorter_side(height: int, width: int, side: int) -> tuple[int, int]:
    longer = int(max(height, width) / min(height, width) * side)  # the order matters: both tools round like this
    return (longer, side) if height > width else (side, longer)
