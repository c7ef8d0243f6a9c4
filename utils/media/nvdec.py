"""The frames of a video decoded by a GPU's video engine (NVDEC); for what that cannot do, the CPU's.

A process decodes, and copies each frame to the host as planes (see `utils.media.yuv`), as a CPU's decoder does. Threads
of one Python process cannot keep the engine busy, and one process cannot reach the GPU memory of another.
"""

import ctypes
import functools
from collections.abc import Sequence
from typing import Any, Unpack

from av.codec.hwaccel import HWAccel
from av.error import FFmpegError
from av.video.frame import VideoFrame

from utils.errors import VideoError
from utils.media.container import ffmpeg_reason
from utils.media.input import MediaSource
from utils.media.limits import Limits
from utils.media.video import Given, VideoStream
from utils.media.video_frames import SourceFrames
from utils.media.view import View
from utils.media.yuv import NV12, YuvConverter
from utils.transforms.yuv_matrices import MATRICES

EXACT_CODECS = ("h264", "hevc", "vp8", "vp9")  # whose standards define every bit of a frame
BLOCKING_SYNC = 4  # CU_CTX_SCHED_BLOCKING_SYNC, which FFmpeg wants of a primary context: threads that wait sleep


class UnsupportedError(Exception):
    """The GPU cannot decode a video or convert it to RGB; the text says why."""


class Nv12Converter(YuvConverter):
    """Copies the planes of a GPU's frames."""

    format = NV12

    def write(self, frame: VideoFrame, out: Any) -> None:
        """Write a frame to out, uint8 of the shape that `layout` says."""
        if out.ndim == 3 and frame.format.name == NV12:
            frame = frame.reformat(format="yuv420p")  # swscale rounds otherwise where it converts NV12 to RGB
        super().write(frame, out)


class GpuVideoStream(VideoStream):
    """A `VideoStream` of planes that a GPU decodes.

    Raises:
        UnsupportedError: the CPU has to decode it.
    """

    def __init__(self, source: MediaSource, gpu: int, **given: Unpack[Given]) -> None:
        super().__init__(source, accelerator=accelerator(gpu), converter=Nv12Converter, **given)

    def _start(self, views: Sequence[View], limits: Limits, chunk_frames: int) -> None:
        super()._start(views, limits, chunk_frames)
        if reason := _refusal(self._source, self._shown):
            raise UnsupportedError(reason)


def _refusal(source: Any, first: VideoFrame) -> str:
    """Return why the CPU has to decode a video; empty if the GPU may. first: its first frame."""
    name = first.format.name
    if not isinstance(source, SourceFrames) or name not in (NV12, "p010le", "p016le", "nv16", "yuv444p"):
        return f"the GPU does not decode its codec, profile or size ({name})"
    if source.codec not in EXACT_CODECS:
        return f"decoders of {source.codec} differ"
    if name != NV12:
        return "it has more than 8 bits" if name.startswith("p01") else "its chroma is not 4:2:0"
    if first.width % 2 or first.height % 2:
        return f"its sides are odd ({first.width}x{first.height})"
    if int(first.colorspace) not in MATRICES:
        return f"its matrix coefficients are {int(first.colorspace)}"
    shown = source.stream.codec_context
    if (first.width, first.height) != (shown.width, shown.height):  # at the left and the top only CPUs crop
        return f"the GPU's frames have {first.width}x{first.height} pixels, not {shown.width}x{shown.height}"
    return ""


def accelerator(gpu: int) -> HWAccel:
    """Return FFmpeg's decoders on a GPU, whose frames are copied to the host. OSError where there can be none."""
    _keep_context(gpu)
    return HWAccel("cuda", device=gpu, options={"primary_ctx": "1"})  # PyAV asks for it only where frames stay there


@functools.cache
def _keep_context(gpu: int) -> None:
    """Make the GPU's primary context, for FFmpeg to use: it would make one for each file, in half a second."""
    cuda = ctypes.CDLL("libcuda.so.1")
    device, context = ctypes.c_int(), ctypes.c_void_p()
    calls = (
        lambda: cuda.cuInit(0),
        lambda: cuda.cuDeviceGet(ctypes.byref(device), gpu),
        lambda: cuda.cuDevicePrimaryCtxSetFlags_v2(device, BLOCKING_SYNC),
        lambda: cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device),
    )
    for call in calls:
        if code := call():
            raise OSError(f"the driver reports CUDA error {code}")


def open_on_gpu(source: MediaSource, gpu: int, **given: Unpack[Given]) -> GpuVideoStream | str:
    """Return the frames of a video, decoded on a GPU, or why the CPU has to decode them: "it is …".

    given: what `VideoStream` takes.
    """
    try:
        return GpuVideoStream(source, gpu, **given)
    except UnsupportedError as reason:
        return str(reason)
    except (VideoError, FFmpegError, OSError, RuntimeError) as error:  # where the file is at fault, the CPU fails, too
        cause = error.__cause__ if isinstance(error.__cause__, FFmpegError) else error
        return f"the GPU cannot decode it ({ffmpeg_reason(cause)})"
