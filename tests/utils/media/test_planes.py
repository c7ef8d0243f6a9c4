"""Planes of decoded frames, converted where the network runs, are the pixels that the CPU makes."""

import platform

import av
import numpy as np
import pytest
import torch

from utils.media.crop import Crop
from utils.media.planes import upright_rgb
from utils.media.rgb import RgbConverter
from utils.media.rotation import Orientation
from utils.media.yuv import YuvConverter

pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="swscale rounds otherwise elsewhere"
)
TURNS = [Orientation(), Orientation(True, True, False), Orientation(False, True, True)]


@pytest.mark.parametrize("crop", [Crop(), Crop(2, 4, 6, 8), Crop(1, 0, 0, 3), Crop(99)])
@pytest.mark.parametrize("turn", TURNS)
def test_frames_are_cropped_and_turned(turn: Orientation, crop: Crop) -> None:
    given = av.VideoFrame.from_ndarray(np.random.default_rng(0).integers(0, 256, (72, 64), np.uint8), "yuv420p")
    given.colorspace = 1
    plain, ours = RgbConverter("a.mp4", turn, crop), YuvConverter("a.mp4", turn, crop)
    expected = np.empty(plain.layout(given).shape, np.uint8)
    plain.write(given, expected)
    planes = np.empty((1, *ours.layout(given).shape), np.uint8)
    ours.write(given, planes[0])
    assert ours.size(given) == plain.size(given) and planes.shape == (1, 72, 64)
    pixels = upright_rgb(torch.from_numpy(planes), ours.layout(given).yuv)
    np.testing.assert_array_equal(pixels.numpy()[0], expected)
