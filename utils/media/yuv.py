"""Decoded frames as the bytes of their planes, half the size of RGB; a GPU converts them in almost no time."""

import platform

import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange

from utils.media.layout import Layout, Yuv
from utils.media.rgb import RgbConverter
from utils.transforms.yuv_matrices import MATRICES

FULL_RANGE = int(ColorRange.JPEG)
NV12 = "nv12"  # what GPUs decode to
IS_EXACT = platform.machine() in ("x86_64", "AMD64")  # where the GPU's conversion equals swscale's bit for bit


class YuvConverter(RgbConverter):
    """Copies the planes of 8-bit 4:2:0 frames; makes upright RGB of others."""

    format = "yuv420p"  # of the frames whose planes it copies

    def layout(self, frame: VideoFrame) -> Layout:
        """Return how `write` stores a frame."""
        matrix = int(frame.colorspace)
        is_even = frame.width % 2 == frame.height % 2 == 0
        if not IS_EXACT or not is_even or frame.format.name != self.format or matrix not in MATRICES:
            return super().layout(frame)
        if min(plane.line_size for plane in frame.planes) <= 0:  # upside down
            return super().layout(frame)
        crop, full_range = self.crop.within(frame.width, frame.height), int(frame.color_range) == FULL_RANGE
        yuv = Yuv(frame.format.name == NV12, matrix, full_range, crop, self.turn)
        return Layout((frame.height * 3 // 2, frame.width), yuv)

    def write(self, frame: VideoFrame, out: np.ndarray) -> None:
        """Write a frame to out, uint8 of the shape that `layout` says. VideoError if it cannot be converted."""
        if out.ndim == 3:
            super().write(frame, out)
            return
        width, height = frame.width, frame.height
        chroma, (luma, *others) = out[height:], frame.planes
        out[:height] = _rows(luma, width)
        parts = chroma[None] if len(others) == 1 else chroma.reshape(2, height // 2, width // 2)
        for part, plane in zip(parts, others, strict=True):
            part[...] = _rows(plane, part.shape[1])


def _rows(plane: VideoPlane, n_bytes: int) -> np.ndarray:
    """Return the first bytes of each row of a plane, uint8 [rows, n_bytes]."""
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[:, :n_bytes]
