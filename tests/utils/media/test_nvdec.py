"""Frames of a GPU's decoder become the pixels of the CPU's; here with planes in host memory, and without a GPU."""

import contextlib
import platform
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import av
import numpy as np
import pytest
import torch
from av.error import ExternalError, tag_to_code
from support.media import moving_frames, write_clip

from utils.errors import VideoError
from utils.media import nvdec
from utils.media.crop import Crop
from utils.media.frame_stream import open_frames
from utils.media.limits import DEFAULT_LIMITS
from utils.media.nvdec import GpuConverter, UnsupportedError, accelerator
from utils.media.rgb import RgbConverter
from utils.media.rotation import Orientation
from utils.media.segment import WHOLE
from utils.media.video import VideoStream, empty_bytes
from utils.media.video_frames import SourceFrames
from utils.media.view import View

on_x86 = pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="swscale rounds otherwise elsewhere")
HEIGHT, WIDTH = 48, 64


def frame(**changes: Any) -> Any:
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
    ours = torch.empty((3, *expected.shape), dtype=torch.uint8)
    for shown, out in zip((decoded, frame(color_range=2), decoded), ours, strict=True):
        converter.write(shown, out)
    converter.flush()
    np.testing.assert_array_equal(ours[0].numpy(), expected)
    np.testing.assert_array_equal(ours[2].numpy(), expected)
    assert not ours[1].equal(ours[0])


def planes_on_host(decoded: av.VideoFrame) -> tuple[torch.Tensor, ...]:
    luma, chroma = (torch.from_dlpack(plane) for plane in decoded.reformat(format="nv12").planes)
    return luma, chroma


class ConvertedLater(VideoStream):
    """A stream whose frames are converted as those of a GPU's decoder are."""

    def _converter_of(self, first: av.VideoFrame, turn: Orientation) -> GpuConverter:
        return GpuConverter("a.mp4", first, turn, Crop())


@on_x86
def test_chunks_that_are_converted_at_once_are_those_of_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nvdec, "planes", planes_on_host)
    path = write_clip(tmp_path / "x.mp4", moving_frames(10))
    views = (View(), View(60.0), View(None, (2, 3, 9)))  # other views have frames of the first, and some twice
    with (
        ConvertedLater(path, views=views, chunk_frames=4, allocate=lambda shape: torch.empty(shape).byte()) as ours,
        VideoStream(path, views=views, chunk_frames=4) as plain,
    ):
        for one, other in zip(ours, plain, strict=True):
            assert one.view == other.view
            np.testing.assert_array_equal(one.pixels.numpy(), other.pixels)


@on_x86
@pytest.mark.parametrize("is_on_gpu", [True, False])
def test_later_frames_that_the_gpu_does_not_convert_go_through_swscale(is_on_gpu: bool) -> None:
    random = np.random.default_rng(0)
    other = av.VideoFrame.from_ndarray(random.integers(0, 256, (36, 32), np.uint8), "yuv420p")
    expected = np.empty((24, 32, 3), np.uint8)
    RgbConverter("a.mp4", Orientation(), Crop()).write(other, expected)
    ours = torch.empty(expected.shape, dtype=torch.uint8)
    nv12 = other.reformat(format="nv12")  # as it comes from a GPU
    changed = frame(width=32, height=24, colorspace=0, reformat=lambda format: nv12.reformat(format=format))
    GpuConverter("a.mp4", frame(), Orientation(), Crop()).write(changed if is_on_gpu else other, ours)
    np.testing.assert_array_equal(ours.numpy(), expected)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": SimpleNamespace(name="yuv420p")}, "does not decode its codec, profile or size"),
        ({"width": 63}, "its sides are odd"),
        ({"planes": (torch.zeros(2, 2, dtype=torch.int16),) * 2}, "more than 8 bits"),
        ({"colorspace": 0}, "matrix coefficients are 0"),
    ],
)
def test_what_the_gpu_does_not_take(changes: dict, reason: str) -> None:
    with pytest.raises(UnsupportedError, match=reason):
        GpuConverter("a.mp4", frame(**changes), Orientation(), Crop())


def test_ffmpeg_joins_the_current_context() -> None:
    given = accelerator(1)
    assert given.options == {"current_ctx": "1", "primary_ctx": "0"}  # PyAV leaves primary_ctx unless it is set
    assert given.device_id == 1 and given.is_hw_owned


@pytest.mark.bits  # not where there is a GPU
@pytest.mark.parametrize("missing", ["PyTorch's GPU", "FFmpeg's GPU", "a decoder"])
def test_the_cpu_decodes_the_rest_and_the_report_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    path = write_clip(tmp_path / "x.mp4", moving_frames(5))
    with VideoStream(path) as stream:
        (expected,) = stream
    if missing != "PyTorch's GPU":
        monkeypatch.setattr(torch.cuda, "device", lambda gpu: contextlib.nullcontext())
        monkeypatch.setattr(torch, "zeros", lambda n, device: None)
    if missing == "a decoder":  # then FFmpeg gives frames of the CPU
        monkeypatch.setattr(nvdec, "accelerator", lambda gpu: None)
    with open_frames(path, (View(),), WHOLE, DEFAULT_LIMITS, empty_bytes, gpu=0) as stream:
        (frames,) = stream
    np.testing.assert_array_equal(frames.pixels, expected.pixels)
    (note,) = stream.report.problems
    assert note.startswith("decoded on the CPU, since the GPU ")
    assert not stream.report.partial


class FailingStream:
    """A video stream whose decoder fails after some packets, as one on a GPU does."""

    def __init__(self, stream: av.VideoStream, n_packets: int) -> None:
        self._stream, self._left = stream, n_packets
        self.codec_context = self

    def __getattr__(self, name: str) -> Any:
        stream = self.__dict__["_stream"]
        return getattr(stream if hasattr(stream, name) else stream.codec_context, name)

    def decode(self, packet: av.Packet | None) -> list[av.VideoFrame]:
        self._left -= 1
        if self._left < 0:
            raise ExternalError(tag_to_code(b"EXT "), "Generic error in an external library")
        return self._stream.codec_context.decode(packet)


@pytest.mark.parametrize("n_packets", [0, 3])
def test_a_gpu_that_fails_leaves_no_partial_features(tmp_path: Path, n_packets: int) -> None:
    path = write_clip(tmp_path / "x.mp4", moving_frames(5), options={"tune": "zerolatency"})
    frames = SourceFrames(path, 1, WHOLE, DEFAULT_LIMITS)
    frames.stream = cast(av.VideoStream, FailingStream(frames.stream, n_packets))
    frames._accelerator = accelerator(0)
    with contextlib.closing(frames), pytest.raises(VideoError, match=r"the GPU stops .*--decode exact"):
        list(frames)
    assert frames.report.decoded == n_packets
