"""The frames of a video file as a bounded stream of uint8 RGB chunks, with their times in seconds."""

import itertools
import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import Self

import av
import numpy as np

from utils.errors import VideoError
from utils.media.container import average_fps, open_media, reason, require_video
from utils.media.demux import declared_end_s, declared_packets, read
from utils.media.pixels import RgbConverter
from utils.media.report import VideoReport
from utils.media.resample import FrameRateRule, nearest, parse_fps
from utils.media.upright import orientation

CHUNK_BYTES = 32 << 20  # most bytes of pixels in a chunk, so that frames above about 0.7 megapixel come in shorter ones
SLACK_S = (
    1.0  # a stated duration is rounded and says nothing of the last frame's: only more than this counts as missing
)


@dataclass(frozen=True)
class Frames:
    """Consecutive output frames of one video."""

    pixels: np.ndarray  # uint8 [n, H, W, 3], RGB, upright
    index: np.ndarray  # int64 [n], the frame's number in output order, from 0
    pts_s: np.ndarray  # float64 [n], presentation time minus the stream's start time, in seconds


@dataclass(frozen=True)
class VideoInfo:
    """Size and rate of the frames that a stream yields."""

    width: int  # pixels, upright
    height: int
    fps: Fraction  # the extraction rate where one is asked for, else the stream's average rate (CAP_PROP_FPS)


class VideoStream:
    """Iterates once over the `Frames` of a video; a context manager. Holds one chunk of pixels at a time.

    The frames are those that OpenCV's FFmpeg reader shows, in its order and with its pixels: edit lists are honoured,
    the display matrix is applied, non-square pixels stay as stored, and colour tags are followed (see `RgbConverter`).
    Where the decoder refuses a packet the stream ends, as that reader does: what follows would be guesses on missing
    references, and `report` says so. Packets before the first frame that do not decode are skipped.

    fps: yield frames at this rate instead, each showing what is on screen at its time by the rule of ffmpeg's `fps`
        filter (see `FrameRateRule`). Frames that the rule leaves out are decoded but not converted.
    chunk_frames: most frames in one chunk.
    threads: decoder threads. One gives the most frames per CPU second; more shorten the wait for a single large video.
    wanted: output numbers of the only frames to yield. The others are not converted, and decoding ends with the last.

    Raises VideoError when the file is no media, has no video stream, or not one frame decodes.
    """

    info: VideoInfo
    report: VideoReport

    def __init__(
        self,
        path: str | os.PathLike[str],
        fps: float | Fraction | None = None,
        chunk_frames: int = 16,
        threads: int = 1,
        wanted: Sequence[int] | None = None,
    ) -> None:
        self._path = path
        self._fps = None if fps is None else parse_fps(fps)
        self._chunk_frames = chunk_frames
        self.wanted = wanted
        self._container = open_media(path)
        try:
            self._open(threads)
        except BaseException:
            self._container.close()
            raise

    def _open(self, threads: int) -> None:
        """Choose the stream and decode its first frame, which tells the size and which way is up."""
        self._stream = require_video(self._container, self._path)
        self._stream.codec_context.thread_type = "AUTO"
        self._stream.codec_context.thread_count = threads
        self.report = VideoReport(declared=declared_packets(self._container, self._stream))
        # AVI files store packets in decoding order, without presentation times: frame k is shown at the k-th packet's.
        self._packet_times: deque[int] | None = deque() if self._container.format.name == "avi" else None
        frames = self._decode()
        first = next(frames, None)
        if first is None:
            why = "; ".join(self.report.problems) or "the stream is empty"
            raise VideoError(f"{self._path}: not one frame decodes ({why}). Get the file again, or convert it.")
        self._frames = itertools.chain([first], frames)
        turn = orientation(first)
        if not turn.known:
            self.report.note("its display matrix turns by an odd angle: frames are left as stored")
        self._converter = RgbConverter(self._path, first, turn)
        width, height = self._converter.size
        self._chunk_frames = max(1, min(self._chunk_frames, CHUNK_BYTES // (3 * width * height)))
        self.info = VideoInfo(width, height, self._fps or average_fps(self._stream))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def __iter__(self) -> Iterator[Frames]:
        """Yield the frames in chunks; the last may be shorter."""
        chosen = self._chosen()
        while (chunk := self._chunk(itertools.islice(chosen, self._chunk_frames))) is not None:
            yield chunk

    def _chunk(self, chosen: Iterator[tuple[int, av.VideoFrame, float]]) -> Frames | None:
        """Convert frames as they come; None if none comes."""
        first = next(chosen, None)
        if first is None:
            return None
        pixels = np.empty((self._chunk_frames, self.info.height, self.info.width, 3), np.uint8)
        index, pts_s, shown = [], [], None
        for number, frame, time_s in itertools.chain([first], chosen):
            row = len(index)
            if frame is shown:
                pixels[row] = pixels[row - 1]
            else:
                self._converter.write(frame, pixels[row])
            shown = frame
            index.append(number)
            pts_s.append(time_s)
        return Frames(pixels[: len(index)], np.array(index, np.int64), np.array(pts_s, np.float64))

    def _chosen(self) -> Iterator[tuple[int, av.VideoFrame, float]]:
        """Yield (output number, source frame, time in seconds) of every frame to hand out."""
        shown = self._at_new_rate() if self._fps else self._at_own_rate()
        if self.wanted is None:
            yield from ((number, frame, time_s) for number, (frame, time_s) in enumerate(shown))
            return
        chosen = frozenset(self.wanted)
        for number in range(max(chosen, default=-1) + 1):
            output = next(shown, None)
            if output is None:
                missing = sum(1 for wanted in chosen if wanted >= number)
                self.report.damage(f"{missing} of the {len(chosen)} frames asked for lie behind its end")
                return
            if number in chosen:
                yield number, *output

    def _at_own_rate(self) -> Iterator[tuple[av.VideoFrame, float]]:
        """Yield every source frame with its time in seconds."""
        units, per_s = self._stream.time_base.as_integer_ratio()
        for frame, pts in self._timed():
            yield frame, pts * units / per_s

    def _at_new_rate(self) -> Iterator[tuple[av.VideoFrame, float]]:
        """Yield the source frame that is shown at each tick of the extraction rate, with the tick's time in seconds."""
        rule = FrameRateRule(self._stream.time_base, self._fps)
        shown, end = None, 0
        for frame, pts in self._timed():
            for tick in rule.push(pts):
                yield shown, float(tick / self._fps)
            shown, end = frame, pts + (frame.duration or self._usual_duration)
        last = rule.finish(end)
        if last.stop == 0:
            self.report.note(f"it is too short to show a frame at {float(self._fps):g} fps")
        for tick in last:
            yield shown, float(tick / self._fps)

    def _timed(self) -> Iterator[tuple[av.VideoFrame, int]]:
        """Yield source frames with their time since the stream's start, in time base units."""
        start = self._stream.start_time
        expected = start or 0  # stands in for a missing time
        for frame in self._frames:
            stated = self._packet_times.popleft() if self._packet_times else frame.pts
            pts = expected if stated is None else stated
            if start is None:
                start = pts
            if not self._converter.fits(frame):
                self._note_size(frame)
            yield frame, pts - start
            expected = pts + (frame.duration or self._usual_duration)

    @property
    def _usual_duration(self) -> int:
        """One frame's duration at the average rate, in time base units."""
        return nearest(*(1 / (average_fps(self._stream) * self._stream.time_base)).as_integer_ratio())

    def _note_size(self, frame: av.VideoFrame) -> None:
        """Note, once per size, that frames are scaled to the first one's size."""
        problem = f"the frame size changes to {frame.width}x{frame.height} (as stored): scaled to the first frame's"
        if problem not in self.report.problems:
            self.report.note(problem)

    def _decode(self) -> Iterator[av.VideoFrame]:
        """Yield decoded frames until the end, or until the decoder refuses a packet; then complete the report."""
        report, n_lost, n_damaged, end = self.report, 0, 0, 0
        for packet in read(self._container, self._stream, report):
            try:
                frames = self._stream.codec_context.decode(packet)
            except av.FFmpegError as error:
                if report.decoded:
                    report.damage(f"decoding stops after {report.decoded} frames: {reason(error)}")
                    break
                n_lost += 1
                continue
            if packet is not None and self._packet_times is not None:
                self._packet_times.append(packet.dts)
            for frame in frames:
                report.decoded += 1
                n_damaged += frame.is_corrupt
                end = (frame.pts or 0) + (frame.duration or self._usual_duration)
                yield frame
        if n_lost:
            report.damage(f"{n_lost} packets before the first frame do not decode")
        if n_damaged:
            report.damage(f"{n_damaged} frames are damaged")
        self._compare_with_header(end)

    def _compare_with_header(self, end: int) -> None:
        """Note what the header promises beyond what was decoded. end: of the last frame, in time base units."""
        report = self.report
        if report.declared is not None and report.decoded < report.declared:
            report.damage(f"{report.decoded} of {report.declared} frames decode")
        promised_s = declared_end_s(self._container, self._stream)
        decoded_s = float(end * self._stream.time_base)
        slack_s = max(SLACK_S, 2 / float(average_fps(self._stream)))
        if promised_s is not None and promised_s - decoded_s > slack_s:
            report.damage(f"it ends at {decoded_s:.2f} s, the header says {promised_s:.2f} s")
