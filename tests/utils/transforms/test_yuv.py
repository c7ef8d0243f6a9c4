"""Our YUV to RGB against swscale's, as the program uses it on a CPU."""

import platform

import av
import numpy as np
import pytest
import torch

from utils.media.crop import Crop
from utils.media.rgb import RgbConverter
from utils.media.rotation import Orientation
from utils.transforms.yuv import to_rgb
from utils.transforms.yuv_matrices import MATRICES

on_x86 = pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="swscale rounds otherwise elsewhere")
LIMITED, FULL = 1, 2  # AVCOL_RANGE_MPEG and _JPEG


def swscales(luma: np.ndarray, chroma: np.ndarray, matrix: int, color_range: int) -> np.ndarray:
    """Return what the program makes of a frame that the CPU decoded."""
    height, width = luma.shape
    planar = np.concatenate([luma.ravel(), chroma[..., 0].ravel(), chroma[..., 1].ravel()])
    frame = av.VideoFrame.from_ndarray(planar.reshape(height * 3 // 2, width), "yuv420p")
    frame.colorspace, frame.color_range = matrix, color_range
    pixels = np.empty((height, width, 3), np.uint8)
    RgbConverter("a.mp4", Orientation(), Crop()).write(frame, pixels)
    return pixels


@on_x86
@pytest.mark.parametrize("size", [(2, 2), (16, 16), (90, 122), (144, 340)], ids=str)
@pytest.mark.parametrize("color_range", [LIMITED, FULL])
@pytest.mark.parametrize("matrix", MATRICES)
def test_every_pixel_is_swscales(matrix: int, color_range: int, size: tuple[int, int]) -> None:
    height, width = size
    rng = np.random.default_rng(matrix)
    luma = rng.integers(0, 256, size, np.uint8)
    chroma = rng.integers(0, 256, (height // 2, width // 2, 2), np.uint8)
    ours = to_rgb(torch.from_numpy(luma[None]), torch.from_numpy(chroma[None]), matrix, color_range == FULL)
    np.testing.assert_array_equal(ours[0].numpy(), swscales(luma, chroma, matrix, color_range))
