"""Frames of a GPU's decoder become the pixels of the CPU's; here with planes in host memory, and without a GPU."""

import platform
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
import torch
from support.media import moving_frames, write_clip

from utils.media.crop import Crop
from utils.media.frame_stream import open_frames
from utils.media.limits import DEFAULT_LIMITS
from utils.media.nvdec import GpuConverter, UnsupportedError
from utils.media.rgb import RgbConverter
from utils.media.rotation import Orientation
from utils.media.segment import WHOLE
from utils.media.video import VideoStream, empty_bytes
from utils.media.view import View

on_x86 = pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="swscale rounds otherwise elsewhere")
HEIGHT, WIDTH = 48, 64


def frame(**changes) -> SimpleNamespace:
    """Return what a frame on a GPU is for the converter."""
    random = torch.Generator().manual_seed(0)
    planes = (
        torch.randint(0, 256, (HEIGHT, WIDTH), dtype=torch.uint8, generator=random),
        torch.randint(0, 256, (HEIGHT // 2, WIDTH // 2, 2), dtype=torch.uint8, generator=random),
    )
    given = {"format": SimpleNamespace(name="cuda"), "width": WIDTH, "height": HEIGHT, "planes": planes}
    return SimpleNamespace(**given | {"colorspace": 1, "color_range": 1} | changes)


@on_x86
@pytest.mark.parametrize("crop", [Crop(), Crop(2, 4, 6, 8)])
@pytest.mark.parametrize("turn", [Orientation(), Orientation(True, True, False), Orientation(False, True, True)])
def test_pixels_are_those_of_the_cpu(turn: Orientation, crop: Crop) -> None:
    decoded = frame()
    luma, chroma = (plane.numpy() for plane in decoded.planes)
    planar = np.concatenate([luma.ravel(), chroma[..., 0].ravel(), chroma[..., 1].ravel()])
    on_cpu = av.VideoFrame.from_ndarray(planar.reshape(-1, WIDTH), "yuv420p")
    on_cpu.colorspace, on_cpu.color_range = decoded.colorspace, decoded.color_range
    plain, converter = RgbConverter("a.mp4", turn, crop), GpuConverter("a.mp4", decoded, turn, crop)
    assert converter.size(decoded) == plain.size(on_cpu)
    expected = np.empty((*plain.size(on_cpu)[::-1], 3), np.uint8)
    plain.write(on_cpu, expected)
    ours = torch.empty(expected.shape, dtype=torch.uint8)
    converter.write(decoded, ours)
    np.testing.assert_array_equal(ours.numpy(), expected)


def test_later_frames_that_the_gpu_does_not_convert_go_through_swscale() -> None:
    other = av.VideoFrame.from_ndarray(np.full((36, 32), 90, np.uint8), "nv12")
    expected = np.empty((24, 32, 3), np.uint8)
    RgbConverter("a.mp4", Orientation(), Crop()).write(other, expected)
    ours = torch.empty(expected.shape, dtype=torch.uint8)
    changed = frame(width=32, height=24, colorspace=0, reformat=lambda format: other)
    GpuConverter("a.mp4", frame(), Orientation(), Crop()).write(changed, ours)
    np.testing.assert_array_equal(ours.numpy(), expected)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": SimpleNamespace(name="yuv420p")}, "does not decode its codec or profile"),
        ({"width": 63}, "its sides are odd"),
        ({"planes": (torch.zeros(2, 2, dtype=torch.int16),) * 2}, "more than 8 bits"),
        ({"colorspace": 0}, "matrix coefficients are 0"),
    ],
)
def test_what_the_gpu_does_not_take(changes: dict, reason: str) -> None:
    with pytest.raises(UnsupportedError, match=reason):
        GpuConverter("a.mp4", frame(**changes), Orientation(), Crop())


@pytest.mark.bits  # not where there is a GPU
def test_the_cpu_decodes_the_rest_and_the_report_says_so(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.mp4", moving_frames(5))
    with VideoStream(path) as stream:
        (expected,) = stream
    with open_frames(path, (View(),), WHOLE, DEFAULT_LIMITS, empty_bytes, gpu=0) as stream:
        (frames,) = stream
    np.testing.assert_array_equal(frames.pixels, expected.pixels)
    (note,) = stream.report.problems
    assert note.startswith("decoded on the CPU, since ")
    assert not stream.report.partial
