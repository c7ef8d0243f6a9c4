"""Frames to the input of S3D, as in video_features; or of that of HowTo100M."""

from torch import Tensor

from utils.extractors.views_config import Resize
from utils.transforms.floats import resize_floats, resize_shorter_floats, to_floats
from utils.transforms.geometry import center_crop_even, shorter_side

SIDE = 224  # pixels, of the shorter side and of the crop

SHORTER_SIDE = Resize(side=SIDE)


def to_network(frames: Tensor, signed: bool = False, resize: Resize = SHORTER_SIDE, crop: bool = True) -> Tensor:
    """Return the middle of the resized frames in 0..1, float32 [n, 3, 224, 224].

    For a few sizes of the shorter side (55, 71, ... 299, 332) the resize is one pixel short, and the network gets 223
    rows or columns.

    frames: uint8 RGB [n, H, W, 3]. signed: in -1..1 instead. crop: False returns all of the frames.
    """
    images = to_floats(frames)
    if resize.side is not None:
        images = resize_shorter_floats(images, resize.side)
    else:
        images = resize_floats(images, _size(frames, resize))
    if crop:
        images = center_crop_even(images, SIDE).contiguous()
    return images.mul_(2).sub_(1) if signed else images


def to_howto100m(frames: Tensor, resize: Resize = SHORTER_SIDE, crop: bool = True) -> Tensor:
    """Return the middle of frames with a shorter side of 224, in 0..1, float32 [n, 3, 224, 224].

    frames: uint8 RGB [n, H, W, 3]. crop: False returns all of the frames.
    """
    images = resize_floats(to_floats(frames), _size(frames, resize))
    return center_crop_even(images, SIDE).contiguous() if crop else images


def _size(frames: Tensor, resize: Resize) -> tuple[int, int]:
    return resize.of(frames.shape[1], frames.shape[2], SIDE, shorter_side)
