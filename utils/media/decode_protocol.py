"""What a process that decodes and the one that wants the frames tell each other, and the memory that both see."""

import mmap
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from utils.media.input import MediaSource
from utils.media.layout import Yuv
from utils.media.limits import Limits
from utils.media.report import VideoReport
from utils.media.segment import Segment
from utils.media.video import CHUNK_BYTES, VideoInfo
from utils.media.view import View

N_SLOTS = 8  # for chunks: one per view, one that is copied, one that was
MOST_VIEWS = N_SLOTS - 2
HEADER_BYTES = mmap.PAGESIZE  # before the slots: how many seconds are decoded, float64


@dataclass(frozen=True)
class Open:
    """Open a video. as_planes: of frames, see `utils.media.yuv`. gpu: that is to decode them."""

    source: MediaSource
    views: tuple[View, ...]
    segment: Segment
    limits: Limits
    chunk_frames: int
    as_planes: bool
    gpu: int | None


@dataclass(frozen=True)
class Want:
    """Choose the frames of a view."""

    view: int
    wanted: Sequence[int] | None


@dataclass(frozen=True)
class Next:
    """Decode a chunk. freed: a slot whose chunk has been copied."""

    freed: int | None


@dataclass(frozen=True)
class Close:
    """Close the video."""


@dataclass(frozen=True)
class Opened:
    """A video is open."""

    infos: tuple[VideoInfo, ...]
    length_s: float | None
    report: VideoReport


@dataclass(frozen=True)
class Chunk:
    """The next frames of a view are in a slot, uint8 of this shape. yuv: what they are, if not RGB."""

    slot: int
    shape: tuple[int, ...]
    index: np.ndarray
    pts_s: np.ndarray
    view: int
    yuv: Yuv | None
    report: VideoReport


@dataclass(frozen=True)
class NoMoreFrames:
    """There are no more frames."""

    report: VideoReport


class SharedFrames:
    """The slots for chunks, as a file without a name that two processes map. limits: of the frames."""

    def __init__(self, limits: Limits, file: int | None = None) -> None:
        self._slot_bytes = max(CHUNK_BYTES, 3 * limits.max_pixels)  # takes memory once it is written
        n_bytes = HEADER_BYTES + N_SLOTS * self._slot_bytes
        self.file = os.memfd_create("featmill frames") if file is None else file
        os.ftruncate(self.file, n_bytes)
        self._map = mmap.mmap(self.file, n_bytes)

    def slot(self, number: int, shape: tuple[int, ...]) -> np.ndarray:
        """Return the frames of a slot, uint8 of that shape."""
        offset = HEADER_BYTES + number * self._slot_bytes
        return np.ndarray(shape, np.uint8, self._map, offset)

    @property
    def decoded_s(self) -> np.ndarray:
        """How many seconds are decoded, float64 [1]."""
        return np.ndarray((1,), np.float64, self._map)
