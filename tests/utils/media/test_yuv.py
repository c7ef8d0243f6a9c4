"""Planes of decoded frames, converted where the network runs, are the pixels that the CPU makes."""

import platform
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from support.media import moving_frames, write_clip

from utils.media.crop import Crop
from utils.media.layout import rgb_layout
from utils.media.planes import upright_rgb
from utils.media.rgb import RgbConverter
from utils.media.rotation import Orientation
from utils.media.video import VideoStream
from utils.media.view import View
from utils.media.yuv import YuvConverter

pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="swscale rounds otherwise elsewhere"
)
TURNS = [Orientation(), Orientation(True, True, False), Orientation(False, True, True)]


def frame(width: int = 64, height: int = 48, format: str = "yuv420p", colorspace: int = 1) -> av.VideoFrame:
    noise = np.random.default_rng(0).integers(0, 256, (height * 3 // 2, width), np.uint8)
    made = av.VideoFrame.from_ndarray(noise, "yuv420p").reformat(format=format)
    made.colorspace = colorspace
    return made


@pytest.mark.parametrize("changes", [{"width": 62, "format": "yuv422p"}, {"format": "nv12"}, {"colorspace": 0}])
def test_other_frames_become_rgb(changes: dict) -> None:
    given, plain, ours = frame(**changes), *(kind("a.mp4", TURNS[1], Crop()) for kind in (RgbConverter, YuvConverter))
    assert ours.layout(given) == rgb_layout(plain.size(given))
    found, expected = (np.empty(plain.layout(given).shape, np.uint8) for _ in range(2))
    plain.write(given, expected)
    ours.write(given, found)
    np.testing.assert_array_equal(found, expected)


def test_views_share_a_decoder(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.mp4", moving_frames(10))
    views = (View(), View(60.0), View(None, (2, 3, 9)), View(side=20))  # some frames of the second come twice
    with (
        VideoStream(path, views=views, chunk_frames=4, converter=YuvConverter) as ours,
        VideoStream(path, views=views, chunk_frames=4) as plain,
    ):
        assert ours.infos == plain.infos
        for one, other in zip(ours, plain, strict=True):
            assert one.view == other.view and (one.yuv is None) == (one.view == 3)
            pixels = upright_rgb(torch.from_numpy(one.pixels), one.yuv)
            np.testing.assert_array_equal(pixels.numpy(), other.pixels)
