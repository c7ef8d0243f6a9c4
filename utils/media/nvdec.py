"""The frames of a video, decoded and converted on a GPU; for what its decoder cannot do, the CPU's.

Untested on a GPU so far, apart from the arithmetic of `utils/transforms/yuv.py`, which runs everywhere.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from av.codec.hwaccel import HWAccel
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange
from torch import Tensor

from utils.errors import VideoError
from utils.media.crop import Crop
from utils.media.input import MediaSource
from utils.media.limits import Limits
from utils.media.rgb import RgbConverter
from utils.media.rotation import Orientation
from utils.media.segment import Segment
from utils.media.video import VideoStream
from utils.media.video_frames import SourceFrames
from utils.media.view import View
from utils.transforms.yuv import MATRICES, to_rgb

FULL_RANGE = int(ColorRange.JPEG)
EXACT_CODECS = ("h264", "hevc", "vp8", "vp9", "av1")  # whose standards define every bit of a frame


class UnsupportedError(Exception):
    """A video that the GPU's decoder, or the conversion to RGB there, does not take; with the reason."""


class GpuConverter:
    """Converts frames on a GPU to upright RGB, as `RgbConverter` does those of a CPU's decoder.

    Raises:
        UnsupportedError: frames like the first one have to be decoded on the CPU.
    """

    def __init__(self, label: str, first: VideoFrame, turn: Orientation, crop: Crop) -> None:
        if first.format.name != "cuda":
            raise UnsupportedError(f"the GPU does not decode its codec or profile ({first.format.name})")
        if first.width % 2 or first.height % 2:
            raise UnsupportedError(f"its sides are odd ({first.width}x{first.height})")
        if planes(first)[0].dtype != torch.uint8:
            raise UnsupportedError("it has more than 8 bits")
        if int(first.colorspace) not in MATRICES:
            raise UnsupportedError(f"its matrix coefficients are {int(first.colorspace)}")
        self._turn, self._crop = turn, crop
        self._on_cpu = RgbConverter(label, turn, crop)

    def size(self, frame: VideoFrame) -> tuple[int, int]:
        """Return (width, height) of a frame once it is cropped and upright."""
        return self._on_cpu.size(frame)

    def write(self, frame: VideoFrame, out: Tensor) -> None:
        """Write a frame's pixels to out, uint8 [H, W, 3] RGB, upright."""
        luma, chroma = planes(frame)
        is_odd = frame.width % 2 or frame.height % 2
        if is_odd or int(frame.colorspace) not in MATRICES or luma.dtype != torch.uint8:  # the video has changed
            pixels = np.empty(tuple(out.shape), np.uint8)
            self._on_cpu.write(frame.reformat(format="nv12"), pixels)
            out.copy_(torch.from_numpy(pixels))
            return
        pixels = to_rgb(luma, chroma, int(frame.colorspace), int(frame.color_range) == FULL_RANGE)
        left, top, right, bottom = self._crop.within(frame.width, frame.height)
        out.copy_(turned(pixels[top : frame.height - bottom, left : frame.width - right], self._turn))


def planes(frame: VideoFrame) -> tuple[Tensor, Tensor]:
    """Return luma [H, W] and chroma [H / 2, W / 2, 2] of a frame on a GPU, without a copy."""
    luma, chroma = (torch.from_dlpack(plane.__dlpack__()) for plane in frame.planes)
    return luma, chroma


def turned(pixels: Tensor, turn: Orientation) -> Tensor:
    """Return upright pixels, as `Orientation.apply` returns them of an array."""
    pixels = pixels.transpose(0, 1) if turn.transpose else pixels
    return pixels.flip([dim for dim, reverse in enumerate((turn.reverse_rows, turn.reverse_columns)) if reverse])


class GpuVideoStream(VideoStream):
    """A `VideoStream` whose chunks are tensors on a GPU."""

    def __init__(
        self,
        source: MediaSource,
        gpu: int,
        views: Sequence[View],
        segment: Segment,
        limits: Limits,
        chunk_frames: int = 16,
    ) -> None:
        def allocate(shape: tuple[int, ...]) -> Any:
            return torch.empty(shape, dtype=torch.uint8, device=torch.device("cuda", gpu))

        accelerator = HWAccel("cuda", device=gpu, is_hw_owned=True)
        super().__init__(
            source,
            views=views,
            chunk_frames=chunk_frames,
            segment=segment,
            limits=limits,
            allocate=allocate,
            accelerator=accelerator,
        )
        if isinstance(self._source, SourceFrames) and self._source.codec not in EXACT_CODECS:
            self.close()
            raise UnsupportedError(f"decoders of {self._source.codec} differ")

    def _converter_of(self, first: VideoFrame, turn: Orientation) -> GpuConverter:
        return GpuConverter(self._source.label, first, turn, self._source.crop)


def open_on_gpu(
    source: MediaSource, gpu: int, views: Sequence[View], segment: Segment, limits: Limits, chunk_frames: int
) -> GpuVideoStream | str:
    """Return the frames of a video, decoded on a GPU, or why the CPU has to decode them: "it is …"."""
    try:
        return GpuVideoStream(source, gpu, views, segment, limits, chunk_frames)
    except UnsupportedError as reason:
        return str(reason)
    except (VideoError, FFmpegError, OSError, NotImplementedError, RuntimeError) as error:
        return str(error)
