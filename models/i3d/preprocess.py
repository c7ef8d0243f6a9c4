"""Frames and optical flow to the input of I3D, as in video_features, or as in the extractor of MS-TCN's features."""

import torch
from torch import Tensor
from torch.nn import functional

from models.i3d.config import CROP_SIDE, MIN_SIDE
from utils.transforms.floats import divided, normalize
from utils.transforms.geometry import center_crop, shorter_side, shorter_side_rounded
from utils.transforms.opencv import resize_opencv

HALF_RANGE = 127.5  # inputs are 2 * values / 255 - 1
ONES = (1.0, 1.0, 1.0)
FLOW_LIMIT = 20.0  # pixels; longer displacements are clipped
FLOW_LEVELS_PER_PIXEL = 255 / (2 * FLOW_LIMIT)  # 6.375, exact in float32
FLOW_ZERO_LEVEL = 128.0  # so that zero flow becomes 1/255, not 0


def resized_size(height: int, width: int, min_side: int = MIN_SIDE) -> tuple[int, int]:
    """Return (height, width) of a frame resized to a shorter side of `min_side`, for both streams."""
    return shorter_side(height, width, min_side)


def crop_frames(frames: Tensor) -> Tensor:
    """Return the middle of resized frames, uint8 [..., H, W, 3] -> uint8 [..., 224, 224, 3], a view."""
    return center_crop(frames, CROP_SIDE, height_dim=-3)


def crop_whole_frames(frames: Tensor) -> Tensor:
    """Return the middle of frames after a resize by OpenCV, uint8 [n, H, W, 3] -> uint8 [n, 224, 224, 3].

    As Utils.cpp of ahsaniqbal/Kinetics-FeatureExtractor: bilinear without antialiasing.
    """
    return crop_frames(resize_opencv(frames, shorter_side_rounded(frames.shape[1], frames.shape[2], MIN_SIDE)))


def rgb_input(crops: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return the input of the rgb network, [B, 3, T, 224, 224] in -1..1, channels last in memory.

    crops: uint8 [B, T, 224, 224, 3].
    """
    return normalize(crops, ONES, ONES, HALF_RANGE, dtype).permute(0, 4, 1, 2, 3)


def quantize_flow(flow: Tensor, whole: tuple[int, int] | None = None) -> Tensor:
    """Return the middle of the flow in levels of 1/6.375 pixel, whole numbers in 0..256, float16 [n, 2, 224, 224].

    -20 pixels and less give 0, no motion gives 128, +20 pixels and more give 256 (255.5 rounded to even), which uint8
    cannot hold. float16 holds these numbers exactly, and NaN.

    flow: float32 [n, 2, H, W] of the whole resized frame. Flow larger than its frame (RAFT's, which is padded) is
        cropped around its own middle, as in video_features.
    whole: (H, W) of the resized frame, to return all of its flow, [n, 2, H, W].
    """
    crop = (center_crop(flow, CROP_SIDE) if whole is None else _without_padding(flow, whole)).clamp(
        -FLOW_LIMIT, FLOW_LIMIT
    )
    return crop.mul_(FLOW_LEVELS_PER_PIXEL).add_(FLOW_ZERO_LEVEL).round_().to(torch.float16)


def crop_whole_flow(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the middle of flow after a bilinear resize, in units of 20 pixels, float32 [n, 2, 224, 224] in -1..1.

    As Utils.cpp of ahsaniqbal/Kinetics-FeatureExtractor: the resize leaves the numbers in pixels of the whole frame.

    flow: float32 [n, 2, H', W'], larger than the frame if it is padded. size: (H, W) of the frame.
    """
    resized = functional.interpolate(
        _without_padding(flow, size), shorter_side_rounded(*size, MIN_SIDE), mode="bilinear", align_corners=False
    )
    return center_crop(resized, CROP_SIDE).clamp(-FLOW_LIMIT, FLOW_LIMIT).div_(FLOW_LIMIT)


def _without_padding(flow: Tensor, size: tuple[int, int]) -> Tensor:
    top, left = (flow.shape[-2] - size[0]) // 2, (flow.shape[-1] - size[1]) // 2
    return flow[..., top : top + size[0], left : left + size[1]]


def flow_input(levels: Tensor) -> Tensor:
    """Return the input of the flow network, float32 [B, 2, T, 224, 224] in -1..1.0078, channels_last_3d.

    levels: [B, T, 2, 224, 224] from `quantize_flow`.
    """
    return divided(levels.transpose(1, 2).float(), HALF_RANGE).sub_(1)


def whole_flow_input(crops: Tensor) -> Tensor:
    """Return the input of the flow network, float32 [B, 2, T, 224, 224] in -1..1.

    crops: [B, T, 2, 224, 224] from `crop_whole_flow`.
    """
    return crops.transpose(1, 2)
