"""The frames of a video file, decoded on the CPU: a bounded stream of uint8 RGB chunks with times in seconds."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
from av.codec.hwaccel import HWAccel
from av.video.frame import VideoFrame

from utils.errors import VideoError
from utils.media.input import MediaSource
from utils.media.limits import DEFAULT_LIMITS, Limits
from utils.media.picture_frames import open_pictures
from utils.media.report import VideoReport
from utils.media.rgb import RgbConverter
from utils.media.rotation import Orientation, orientation
from utils.media.scaled_rgb import ScaledRgbConverter
from utils.media.segment import WHOLE, Segment
from utils.media.video_frames import SourceFrames
from utils.media.view import Cursor, View

CHUNK_BYTES = 32 << 20  # most bytes of pixels in a chunk: frames above about 0.7 megapixels come in shorter ones
Allocate = Callable[[tuple[int, ...]], Any]  # an array, or a tensor


@dataclass(frozen=True)
class Frames:
    """Consecutive output frames of one view of a video."""

    pixels: Any  # uint8 [n, H, W, 3], RGB, upright: an array, or a tensor on a GPU; a chunk ends where the size changes
    index: np.ndarray  # int64 [n], number of each frame in output order, from 0
    pts_s: np.ndarray  # float64 [n], presentation time minus the stream's start time, in seconds
    view: int = 0  # which of the views asked for


@dataclass(frozen=True)
class VideoInfo:
    """Size and rate of the frames that a view yields."""

    width: int  # of the video's first frame: pixels, upright
    height: int
    fps: Fraction  # the extraction rate where one is asked for, else the stream's average rate
    source_fps: Fraction | None  # that average rate (CAP_PROP_FPS); None where the header's is one that no video has


class Converter(Protocol):
    """Makes upright RGB of the frames of a video, see `RgbConverter`."""

    def size(self, frame: VideoFrame) -> tuple[int, int]:
        """Return (width, height) of what it makes of a frame."""
        ...

    def write(self, frame: VideoFrame, out: Any) -> None:
        """Write a frame's pixels, at the latest in `flush`."""
        ...

    def flush(self) -> None:
        """Write what was put off."""
        ...


def empty_bytes(shape: tuple[int, ...]) -> np.ndarray:
    """Return uint8 memory, not initialized."""
    return np.empty(shape, np.uint8)


class VideoStream:
    """Iterates once over the `Frames` of a video, a file or a folder of frames; a context manager.

    Holds one chunk of pixels per view at a time.

    The frames are those of OpenCV's FFmpeg reader, in its order and with its pixels: edit lists are honoured, the
    display matrix is applied, non-square pixels stay as stored, and colour tags are followed (see `RgbConverter`).
    Where the decoder refuses a packet the stream ends, as with that reader, and `report` says so.

    views: who wants which frames (see `View`). The video is decoded once for all of them; only wanted frames are
        converted, and decoding ends when each view is complete. Each view gets its frames in order, as if it were
        alone; which view's chunk comes next depends on the times. Without `views` there is one: View(fps, wanted).
    chunk_frames: most frames in one chunk.
    threads: decoder threads. One gives the most frames per CPU second; more shorten the wait for a single large video.
    segment: the frames with start_s <= time < end_s. Output 0 is the first of them, times stay the video's own; an
        extraction rate ticks from start_s on, as if the segment were a separate file.
    limits: what is refused or left out, see `Limits`.
    allocate: returns memory for a chunk, uint8 of the given shape.
    accelerator: see `SourceFrames`.

    Raises:
        VideoError: the file is not media, has no video stream, or not one frame decodes.
    """

    infos: tuple[VideoInfo, ...]  # one per view
    report: VideoReport
    length_s: float | None  # seconds that there are to decode; None where the file does not say

    def __init__(
        self,
        source: MediaSource,
        fps: float | Fraction | None = None,
        wanted: Sequence[int] | None = None,
        *,
        views: Sequence[View] = (),
        chunk_frames: int = 16,
        threads: int = 1,
        segment: Segment = WHOLE,
        limits: Limits = DEFAULT_LIMITS,
        allocate: Allocate = empty_bytes,
        accelerator: HWAccel | None = None,
    ) -> None:
        self._segment, self._allocate = segment, allocate
        self._source = open_pictures(source, segment, limits) or SourceFrames(
            source, threads, segment, limits, accelerator=accelerator
        )
        try:
            self._start(views or (View(fps, wanted),), limits, chunk_frames)
        except BaseException:
            self._source.close()
            raise

    def _start(self, views: Sequence[View], limits: Limits, chunk_frames: int) -> None:
        """Decode the first frame, which tells the size and which way up it is."""
        source = self._source
        self.report = source.report
        self.length_s = self._segment.length_s(source.length_s, limits.max_seconds)
        self._pts = 0  # of the newest frame
        self._cursors = [Cursor(view, source.time_base, self.length_s, self._segment.origin_s) for view in views]
        frames = iter(source)
        first, pts = next(frames)  # the source raises VideoError where there is none
        source_fps = self._fps_of(first)
        self._frames = itertools.chain([(first, pts)], frames)
        turn = orientation(first)
        if not turn.known:
            self.report.note("its display matrix turns by an odd angle: frames are left as stored")
        self._converters = self._converters_of(views, first, turn, limits)
        self.infos = tuple(
            VideoInfo(*converter.size(first), cursor.fps or source.fps(first), source_fps)
            for converter, cursor in zip(self._converters, self._cursors, strict=True)
        )
        self._buffers = [_ViewBuffer(view, chunk_frames, self._allocate) for view in range(len(views))]
        self._shown = first  # the last frame that came
        self._first_size = (first.width, first.height)
        # the last one converted, by what, and where it is
        self._converted: tuple[VideoFrame, Converter, np.ndarray] | None = None

    def _fps_of(self, first: VideoFrame) -> Fraction | None:
        try:
            return self._source.fps(first)
        except VideoError:
            return None

    def _converters_of(
        self, views: Sequence[View], first: VideoFrame, turn: Orientation, limits: Limits
    ) -> list[Converter]:
        """Return what converts the frames of each view: one converter for all that want the same size."""
        found: dict[int | None, Converter] = {}
        for side in {view.side for view in views}:
            if side is None:
                found[side] = self._converter_of(first, turn)
            else:
                source = self._source
                found[side] = ScaledRgbConverter(source.label, turn, source.crop, side, limits.max_pixels)
        return [found[view.side] for view in views]

    def _converter_of(self, first: VideoFrame, turn: Orientation) -> Converter:
        """Return what converts frames like the first one."""
        return RgbConverter(self._source.label, turn, self._source.crop)

    @property
    def info(self) -> VideoInfo:
        """Size and rate of the first view."""
        return self.infos[0]

    @property
    def decoded_s(self) -> float:
        """Seconds that are decoded, of `length_s`."""
        return max(0.0, float(self._pts * self._source.time_base) - (self._segment.start_s or 0.0))

    def want(self, view: int, wanted: Sequence[int] | None) -> None:
        """Choose the outputs of a view, before the first is taken."""
        self._cursors[view].want(wanted)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    def __iter__(self) -> Iterator[Frames]:
        """Yield the frames in chunks; the last of a view may be shorter."""
        cursors = self._cursors
        while not all(cursor.done for cursor in cursors):
            timed = next(self._frames, None)
            if timed is None:
                yield from self._finish()
                break
            frame, pts = timed
            self._pts = pts
            if (frame.width, frame.height) != self._first_size:
                self.report.note(f"the frame size changes to {frame.width}x{frame.height} (as stored)")
            for buffer, cursor in zip(self._buffers, cursors, strict=True):
                yield from self._put(buffer, self._shown, cursor.before(pts))
            for buffer, cursor in zip(self._buffers, cursors, strict=True):
                yield from self._put(buffer, frame, cursor.now(pts))
            self._shown = frame
        self._source.report_damaged()  # which is complete only where all frames were read
        yield from (self._take(buffer) for buffer in self._buffers if buffer.index)

    def _finish(self) -> Iterator[Frames]:
        """Show the last frame until its end, and report what is missing."""
        end = min(self._source.end, self._source.limit)
        for buffer, cursor in zip(self._buffers, self._cursors, strict=True):
            if cursor.done:
                continue
            yield from self._put(buffer, self._shown, cursor.finish(end))
            if cursor.fps and not cursor.count:
                self.report.note(f"it is too short to show a frame at {float(cursor.fps):g} fps")
            if cursor.missing:
                self.report.damage(cursor.missing)
            elif cursor.fps and end < self._source.end:
                self._source.note_cut_off()

    def _put(self, buffer: "_ViewBuffer", frame: VideoFrame, outputs: Iterator[tuple[int, float]]) -> Iterator[Frames]:
        """Write a frame to a view's buffer, once per output; yield a chunk whenever there is no room for it."""
        converter = self._converters[buffer.view]
        for number, time_s in outputs:
            size = converter.size(frame)
            if not buffer.has_room(size):
                self._converted = None  # its pixels may be in this chunk, and the taker may overwrite them
                yield self._take(buffer)
            row = buffer.add(number, time_s, size)
            if self._converted and self._converted[:2] == (frame, converter):
                converter.flush()
                row[...] = self._converted[2]
            else:
                converter.write(frame, row)
                self._converted = (frame, converter, row)

    def _take(self, buffer: "_ViewBuffer") -> Frames:
        self._converters[buffer.view].flush()
        return buffer.take()


class _ViewBuffer:
    """Collects the next frames of one view that have the same size."""

    def __init__(self, view: int, most: int, allocate: Allocate) -> None:
        self.view, self._allocate = view, allocate
        self._most = most  # frames
        self._clear()

    def _clear(self) -> None:
        self.index: list[int] = []
        self._pts_s: list[float] = []
        self._pixels = np.empty((0, 0, 0, 3), np.uint8)

    def has_room(self, size: tuple[int, int]) -> bool:
        """Return whether another frame of this (width, height) fits."""
        n_frames, height, width, _ = self._pixels.shape
        return not self.index or (len(self.index) < n_frames and size == (width, height))

    def add(self, number: int, time_s: float, size: tuple[int, int]) -> np.ndarray:
        """Return where the pixels of the next frame go, uint8 [H, W, 3]."""
        if not self.index:
            width, height = size
            n_frames = max(1, min(self._most, CHUNK_BYTES // (3 * width * height)))
            self._pixels = self._allocate((n_frames, height, width, 3))
        self.index.append(number)
        self._pts_s.append(time_s)
        return self._pixels[len(self.index) - 1]

    def take(self) -> Frames:
        """Return the frames collected, and start over."""
        index = np.array(self.index, np.int64)
        frames = Frames(self._pixels[: len(index)], index, np.array(self._pts_s, np.float64), self.view)
        self._clear()
        return frames
