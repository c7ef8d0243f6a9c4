"""What a GPU's decoder gives becomes the pixels of the CPU's; here without a GPU."""

import ctypes
import platform
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import av
import numpy as np
import pytest
import torch
from support.media import moving_frames, write_clip

from utils.media import nvdec
from utils.media.crop import Crop
from utils.media.decode_process import IS_POSSIBLE, DecodeProcess
from utils.media.limits import DEFAULT_LIMITS
from utils.media.nvdec import GpuVideoStream, Nv12Converter, UnsupportedError, open_on_gpu
from utils.media.planes import upright_rgb
from utils.media.rgb import RgbConverter
from utils.media.rotation import Orientation
from utils.media.segment import WHOLE
from utils.media.video import VideoStream, empty_bytes
from utils.media.video_frames import SourceFrames
from utils.media.view import View

on_x86 = pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="swscale rounds otherwise elsewhere")
HEIGHT, WIDTH = 48, 64
GIVEN = {"views": (View(),), "segment": WHOLE, "limits": DEFAULT_LIMITS, "allocate": empty_bytes, "chunk_frames": 4}


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "x.mp4", moving_frames(10))


def nv12(width: int = WIDTH, colorspace: int = 1) -> tuple[av.VideoFrame, av.VideoFrame]:
    """Return a frame as a CPU decodes it, and as a GPU does."""
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT * 3 // 2, width), np.uint8)
    given = av.VideoFrame.from_ndarray(noise, "yuv420p")
    given.colorspace = colorspace
    ours = given.reformat(format="nv12")
    ours.colorspace = colorspace
    return given, ours


@on_x86
@pytest.mark.parametrize("colorspace", [1, 0])
def test_pixels_are_those_of_the_cpu(colorspace: int) -> None:
    turn, crop = Orientation(True, True, False), Crop(2, 4, 6, 8)
    on_cpu, on_gpu = nv12(colorspace=colorspace)
    plain, ours = RgbConverter("a.mp4", turn, crop), Nv12Converter("a.mp4", turn, crop)
    expected = np.empty(plain.layout(on_cpu).shape, np.uint8)
    plain.write(on_cpu, expected)
    layout = ours.layout(on_gpu)
    assert (layout.yuv is not None) == bool(colorspace)  # matrix 0 is RGB itself: no GPU converts that
    found = np.empty((1, *layout.shape), np.uint8)
    ours.write(on_gpu, found[0])
    np.testing.assert_array_equal(upright_rgb(torch.from_numpy(found), layout.yuv).numpy()[0], expected)


class DecodedLikeAGpu(SourceFrames):
    """The frames of a CPU's decoder as a GPU's would be."""

    def __iter__(self) -> Any:
        for frame, pts in super().__iter__():
            converted = frame.reformat(format="nv12")
            yield converted, pts


@on_x86
def test_a_stream_is_that_of_the_cpu(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with VideoStream(clip, **GIVEN) as stream:
        expected = list(stream)
    monkeypatch.setattr(nvdec, "accelerator", lambda gpu: None)
    monkeypatch.setattr("utils.media.video.SourceFrames", DecodedLikeAGpu)
    monkeypatch.setattr(nvdec, "SourceFrames", DecodedLikeAGpu)
    with GpuVideoStream(clip, 0, **GIVEN) as ours:
        for one, other in zip(ours, expected, strict=True):
            assert one.yuv is not None
            np.testing.assert_array_equal(upright_rgb(torch.from_numpy(one.pixels), one.yuv).numpy(), other.pixels)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": "yuv420p"}, "does not decode its codec, profile or size"),
        ({"format": "p010le"}, "more than 8 bits"),
        ({"format": "nv16"}, "its chroma is not 4:2:0"),
        ({"width": 63}, "its sides are odd"),
        ({"colorspace": 0}, "matrix coefficients are 0"),
        ({"codec": "mpeg4"}, "decoders of mpeg4 differ"),
        ({"width": 60}, "the GPU's frames have 60x48 pixels, not 64x48"),
    ],
)
def test_what_the_gpu_does_not_take(
    clip: Path, changes: dict[str, Any], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = {"format": "nv12", "width": 64, "height": 48, "colorspace": 1, "codec": "h264"} | changes
    first["format"] = SimpleNamespace(name=first["format"])
    source = object.__new__(type("Source", (SourceFrames,), {"codec": first.pop("codec")}))
    source.stream = cast(Any, SimpleNamespace(codec_context=SimpleNamespace(width=64, height=48)))
    assert reason in nvdec._refusal(source, cast(Any, SimpleNamespace(**first)))
    monkeypatch.setattr(nvdec, "accelerator", lambda gpu: None)
    monkeypatch.setattr(nvdec, "_refusal", lambda source, first: reason)
    with pytest.raises(UnsupportedError, match=reason[:10]):
        GpuVideoStream(clip, 0, **GIVEN)
    assert open_on_gpu(clip, 0, **GIVEN) == reason


class FakeDriver:
    """Stands in for libcuda: notes what is called, and returns a code."""

    def __init__(self, code: int) -> None:
        self._code = code
        self.called: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *_arguments: self.called.append(name) or self._code


def test_ffmpeg_decodes_in_the_one_context_that_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = FakeDriver(0)
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: driver)
    nvdec._keep_context.cache_clear()
    for _ in range(2):
        made = nvdec.accelerator(1)
        assert (made.device_id, made.is_hw_owned, made.options) == (1, False, {"primary_ctx": "1"})
    assert driver.called == ["cuInit", "cuDeviceGet", "cuDevicePrimaryCtxSetFlags_v2", "cuDevicePrimaryCtxRetain"]
    nvdec._keep_context.cache_clear()


def test_a_driver_without_a_gpu_leaves_decoding_to_the_cpu(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: FakeDriver(100))
    nvdec._keep_context.cache_clear()
    assert open_on_gpu(clip, 0, **GIVEN) == "the GPU cannot decode it (the driver reports CUDA error 100)"


@pytest.mark.bits  # not where there is a GPU
@pytest.mark.skipif(not IS_POSSIBLE, reason="needs memory files, which Linux has")
def test_the_cpu_decodes_the_rest_and_the_report_says_so(clip: Path) -> None:
    with VideoStream(clip) as stream:
        (expected,) = stream
    process = DecodeProcess()
    process.start(DEFAULT_LIMITS)
    with process.open(clip, (View(),), WHOLE, DEFAULT_LIMITS, empty_bytes, 16, False, 0) as stream:
        (frames,) = stream
    process.close()
    np.testing.assert_array_equal(frames.pixels, expected.pixels)
    (note,) = stream.report.problems
    assert note.startswith("decoded on the CPU, since the GPU cannot decode it (")
    assert not stream.report.partial
