"""Frames to the input of SlowFast, as in three published tools.

pytorchvideo's tutorial on torch.hub (facebookresearch/pytorchvideo), ACAV100M (sangho-vision/acav100m), and the
2-second-clip script of yogesh-iitj/video_features.
"""

from torch import Tensor

from utils.transforms.floats import resize_floats, to_floats
from utils.transforms.geometry import center_crop_even
from utils.transforms.opencv import resize_opencv

SIDE = 256  # pixels
MEAN = 0.45  # of each channel, in 0..1
STD = 0.225


def pytorchvideo(frames: Tensor) -> Tensor:
    """Return the middle of frames with a shorter side of 256, float32 [n, 3, 256, 256] in 0..1.

    frames: uint8 [n, H, W, 3].
    """
    return center_crop_even(_shorter_side(frames), SIDE).contiguous()


def acav100m(frames: Tensor) -> Tensor:
    """Return the left (landscape) or top (portrait) crop instead of the middle: ACAV100M crops at 0, 0."""
    return _shorter_side(frames)[..., :SIDE, :SIDE].contiguous()


def squash(frames: Tensor) -> Tensor:
    """Return whole frames at 256x256, whatever their aspect ratio, uint8 [n, 256, 256, 3]; OpenCV's resize."""
    return resize_opencv(frames, (SIDE, SIDE))


PRESETS = {"pytorchvideo": pytorchvideo, "acav100m": acav100m, "squash": squash}


def network_input(clips: Tensor) -> Tensor:
    """Return normalized clips, float32 [B, 3, T, 256, 256].

    clips: prepared frames, float32 [B, T, 3, 256, 256] in 0..1 or uint8 [B, T, 256, 256, 3].
    """
    if not clips.is_floating_point():
        clips = to_floats(clips.flatten(0, 1)).unflatten(0, clips.shape[:2])
    return ((clips - MEAN) / STD).transpose(1, 2)


def _shorter_side(frames: Tensor) -> Tensor:
    """Return float32 [n, 3, h, w] in 0..1 with a shorter side of 256, bilinear without antialias."""
    height, width = frames.shape[1:3]
    longer = int(max(height, width) / min(height, width) * SIDE)  # the order matters: both tools round like this
    return resize_floats(to_floats(frames), (longer, SIDE) if height > width else (SIDE, longer))
