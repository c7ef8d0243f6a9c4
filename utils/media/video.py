"""The frames of a video file, decoded on the CPU: a bounded stream of uint8 RGB chunks with times in seconds."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import Any, Protocol, Self, TypedDict

import numpy as np
from av.codec.hwaccel import HWAccel
from av.video.frame import VideoFrame

from utils.errors import VideoError
from utils.media.input import MediaSource
from utils.media.layout import Layout, Yuv
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
Allocate = Callable[[tuple[int, ...]], Any]  # an array


class Given(TypedDict):
    """What of a `VideoStream` its users choose."""

    views: Sequence[View]
    segment: Segment
    limits: Limits
    allocate: Allocate
    chunk_frames: int


@dataclass(frozen=True)
class Frames:
    """Consecutive output frames of one view of a video."""

    pixels: Any  # uint8 [n, H, W, 3], RGB, upright, or planes: what `allocate` gave; a chunk ends where this changes
    index: np.ndarray  # int64 [n], number of each frame in output order, from 0
    pts_s: np.ndarray  # float64 [n], presentation time minus the stream's start time, in seconds
    view: int = 0  # which of the views asked for
    yuv: Yuv | None = None  # of planes: what they are


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

    def layout(self, frame: VideoFrame) -> Layout:
        """Return how `write` stores a frame."""
        ...

    def write(self, frame: VideoFrame, out: Any) -> None:
        """Write a frame to memory of that layout."""
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
    converter: makes of frames what chunks hold, for views that do not scale them.

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
        converter: type[RgbConverter] = RgbConverter,
    ) -> None:
        self._segment, self._allocate, self._plain = segment, allocate, converter
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
        self.report.length_s = self.length_s = self._segment.length_s(source.length_s, limits.max_seconds)
        self._pts = 0  # of the newest frame
        self._cursors = [Cursor(view, source.time_base, self.length_s, self._segment.origin_s) for view in views]
        frames = iter(source)
        first, pts = next(frames)  # the source raises VideoError where there is none
        source_fps = self._fps_of(first)
        self._frames = itertools.chain([(first, pts)], frames)
        turn = orientation(first)
        if not turn.known:
            self.report.note("its display matrix turns by an odd angle: frames are left as stored")
        self._converters = self._converters_of(views, turn, limits)
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

    def _converters_of(self, views: Sequence[View], turn: Orientation, limits: Limits) -> list[Converter]:
        """Return what converts the frames of each view: one converter for all that want the same size."""
        given = (self._source.label, turn, self._source.crop)
        found: dict[int | None, Converter] = {
            side: self._plain(*given) if side is None else ScaledRgbConverter(*given, side, limits.max_pixels)
            for side in {view.side for view in views}
        }
        return [found[view.side] for view in views]

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
        yield from (buffer.take() for buffer in self._buffers if buffer.index)

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
            layout = converter.layout(frame)
            if not buffer.has_room(layout):
                self._converted = None  # its pixels may be in this chunk, and the taker may overwrite them
                yield buffer.take()
            row = buffer.add(number, time_s, layout)
            if self._converted and self._converted[:2] == (frame, converter):
                row[...] = self._converted[2]
            else:
                converter.write(frame, row)
                self._converted = (frame, converter, row)


class _ViewBuffer:
    """Collects the next frames of one view that have the same layout."""

    def __init__(self, view: int, most: int, allocate: Allocate) -> None:
        self.view, self._allocate = view, allocate
        self._most = most  # frames
        self._clear()

    def _clear(self) -> None:
        self.index: list[int] = []
        self._pts_s: list[float] = []
        self._layout = Layout(())

    def has_room(self, layout: Layout) -> bool:
        """Return whether another frame of this layout fits."""
        return not self.index or (len(self.index) < len(self._pixels) and layout == self._layout)

    def add(self, number: int, time_s: float, layout: Layout) -> np.ndarray:
        """Return where the bytes of the next frame go, uint8 of the layout's shape."""
        if not self.index:
            n_frames = max(1, min(self._most, CHUNK_BYTES // math.prod(layout.shape)))
            self._pixels, self._layout = self._allocate((n_frames, *layout.shape)), layout
        self.index.append(number)
        self._pts_s.append(time_s)
        return self._pixels[len(self.index) - 1]

    def take(self) -> Frames:
        """Return the frames collected, and start over."""
        index, pts_s = np.array(self.index, np.int64), np.array(self._pts_s, np.float64)
        frames = Frames(self._pixels[: len(index)], index, pts_s, self.view, self._layout.yuv)
        self._clear()
        return frames
