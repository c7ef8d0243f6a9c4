"""The frames of a video, decoded and converted on a GPU; for what its decoder cannot do, the CPU's.

Not yet run on a GPU as a whole. The arithmetic of `utils/transforms/yuv.py` runs everywhere.
"""

import itertools
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
from utils.media.container import ffmpeg_reason
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
EXACT_CODECS = ("h264", "hevc", "vp8", "vp9")  # whose standards define every bit of a frame


class UnsupportedError(Exception):
    """A video that the GPU's decoder, or the conversion to RGB there, does not take; with the reason."""


class GpuConverter:
    """Converts frames on a GPU to upright RGB, as `RgbConverter` does those of a CPU's decoder.

    Raises:
        UnsupportedError: frames like the first one have to be decoded on the CPU.
    """

    def __init__(self, label: str, first: VideoFrame, turn: Orientation, crop: Crop) -> None:
        planes(first)
        self._turn, self._crop = turn, crop
        self._waiting: list[tuple[tuple[int, ...], Tensor, Tensor, Tensor]] = []  # kind, luma, chroma, where to
        self._on_cpu = RgbConverter(label, turn, crop)

    def size(self, frame: VideoFrame) -> tuple[int, int]:
        """Return (width, height) of a frame once it is cropped and upright."""
        return self._on_cpu.size(frame)

    def write(self, frame: VideoFrame, out: Tensor) -> None:
        """Write a frame's pixels to out, uint8 [H, W, 3] RGB, upright, at the latest in `flush`."""
        try:
            luma, chroma = planes(frame)
        except UnsupportedError:  # the video has changed
            self._write_by_cpu(frame, out)
            return
        kind = (frame.width, frame.height, int(frame.colorspace), int(frame.color_range) == FULL_RANGE)
        self._waiting.append((kind, luma, chroma, out))

    def flush(self) -> None:
        """Convert frames of one kind together: for each of them, launching the kernels would take longer than these."""
        waiting, self._waiting = self._waiting, []
        for (width, height, matrix, full_range), group in itertools.groupby(waiting, lambda each: each[0]):
            _, luma, chroma, rows = zip(*group, strict=True)
            pixels = to_rgb(torch.stack(luma), torch.stack(chroma), matrix, bool(full_range))
            left, top, right, bottom = self._crop.within(width, height)
            pixels = turned(pixels[:, top : height - bottom, left : width - right], self._turn)
            torch._foreach_copy_(rows, pixels.unbind())  # pyright: ignore[reportPrivateImportUsage]  # one launch

    def _write_by_cpu(self, frame: VideoFrame, out: Tensor) -> None:
        """Write the pixels of a frame, which may lie on the GPU or not."""
        if frame.format.name == "cuda":
            frame = frame.reformat(format="yuv420p")  # swscale rounds otherwise where it converts NV12 to RGB
        pixels = np.empty(tuple(out.shape), np.uint8)
        self._on_cpu.write(frame, pixels)
        out.copy_(torch.from_numpy(pixels))


def planes(frame: VideoFrame) -> tuple[Tensor, Tensor]:
    """Return luma [H, W] and chroma [H / 2, W / 2, 2] of a frame on a GPU, without a copy.

    Nobody has to wait for the decoder, nor it for us: FFmpeg copies each picture out of the decoder on the default
    stream, on which this thread launches all that reads it, and the network too. A copy into memory that an earlier
    frame left comes after what was launched to read that frame. On another stream, reading would need events.

    Raises:
        UnsupportedError: `to_rgb` does not take such frames.
    """
    if frame.format.name != "cuda":
        raise UnsupportedError(f"the GPU does not decode its codec, profile or size ({frame.format.name})")
    if frame.width % 2 or frame.height % 2:
        raise UnsupportedError(f"its sides are odd ({frame.width}x{frame.height})")
    if int(frame.colorspace) not in MATRICES:
        raise UnsupportedError(f"its matrix coefficients are {int(frame.colorspace)}")
    try:
        luma, chroma = (torch.from_dlpack(plane.__dlpack__()) for plane in frame.planes)
    except NotImplementedError:
        raise UnsupportedError("its chroma is not 4:2:0") from None
    if luma.dtype != torch.uint8:
        raise UnsupportedError("it has more than 8 bits")
    return luma, chroma


def turned(pixels: Tensor, turn: Orientation) -> Tensor:
    """Return upright frames [n, H, W, 3], as `Orientation.apply` returns arrays."""
    pixels = pixels.transpose(1, 2) if turn.transpose else pixels
    return pixels.flip([dim for dim, reverse in ((1, turn.reverse_rows), (2, turn.reverse_columns)) if reverse])


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

        with torch.cuda.device(gpu):
            torch.zeros(1, device=torch.device("cuda", gpu))  # makes the context current here, see `accelerator`
            super().__init__(
                source,
                views=views,
                chunk_frames=chunk_frames,
                segment=segment,
                limits=limits,
                allocate=allocate,
                accelerator=accelerator(gpu),
            )
        if isinstance(self._source, SourceFrames) and self._source.codec not in EXACT_CODECS:
            self.close()
            raise UnsupportedError(f"decoders of {self._source.codec} differ")

    def _converter_of(self, first: VideoFrame, turn: Orientation) -> GpuConverter:
        if isinstance(self._source, SourceFrames):
            shown = self._source.stream.codec_context
            if (first.width, first.height) != (shown.width, shown.height):  # at the left and the top only CPUs crop
                raise UnsupportedError(
                    f"the GPU's frames have {first.width}x{first.height} pixels, not {shown.width}x{shown.height}"
                )
        return GpuConverter(self._source.label, first, turn, self._source.crop)


def accelerator(gpu: int) -> HWAccel:
    """Return FFmpeg's decoders on a GPU, for files that are opened while PyTorch's context is current in the thread.

    PyTorch's is the primary context, so its pointers and FFmpeg's are valid for both. PyAV would ask FFmpeg for the
    primary context; but one that PyTorch has made, without flags, FFmpeg refuses ("Operation not supported"), as it
    wants CU_CTX_SCHED_BLOCKING_SYNC. The flags of the current context it does not look at. Asked for both, it refuses.
    """
    return HWAccel("cuda", device=gpu, is_hw_owned=True, options={"current_ctx": "1", "primary_ctx": "0"})


def open_on_gpu(
    source: MediaSource, gpu: int, views: Sequence[View], segment: Segment, limits: Limits, chunk_frames: int
) -> GpuVideoStream | str:
    """Return the frames of a video, decoded on a GPU, or why the CPU has to decode them: "it is …"."""
    try:
        return GpuVideoStream(source, gpu, views, segment, limits, chunk_frames)
    except UnsupportedError as reason:
        return str(reason)
    except (VideoError, FFmpegError, OSError, RuntimeError) as error:  # where the file is at fault, the CPU fails, too
        cause = error.__cause__ if isinstance(error.__cause__, FFmpegError) else error
        return f"the GPU cannot decode it ({ffmpeg_reason(cause)})"
