"""The decoded frames of a video, or of a segment of it, in the order and with the times that they are shown."""

import itertools
from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import av
from av.packet import Packet

from utils.errors import VideoError
from utils.media.container import frame_units, open_media, reason, require_video
from utils.media.demux import declared_end_s, declared_packets, read
from utils.media.frame_size import bound, check, check_refused
from utils.media.input import MediaSource
from utils.media.limits import Limits
from utils.media.report import VideoReport
from utils.media.seek import can_seek, read_from
from utils.media.segment import Segment

SLACK_S = 1.0  # a stated duration is rounded and says nothing of the last frame's: only more counts as missing


class SourceFrames:
    """Iterates once over (frame, time since the stream's start in time base units).

    Where the decoder refuses a packet the frames end: what follows would be guesses on missing references, and `report`
    says so. Packets before the first frame that do not decode are skipped.

    A segment is read from the key frame before its start. The frames are those that decoding the whole gives: where the
    file cannot be entered in its middle for certain, it is decoded from its start.
    """

    def __init__(self, source: MediaSource, threads: int, segment: Segment, limits: Limits) -> None:
        self._source = source
        self._threads = threads
        self._segment = segment
        self._limits = limits
        self._open()
        try:
            segment.check(self.media.label)
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        self.report = VideoReport()
        self.media = open_media(self._source, self._limits)
        try:
            self.stream = require_video(self.media)
            bound(self.media, self.stream, self._limits)
            self.stream.codec_context.thread_type = "AUTO"
            self.stream.codec_context.thread_count = self._threads
        except BaseException:
            self.close()
            raise
        # AVI files store packets in decoding order, without presentation times: frame k is shown at the k-th packet's.
        self._packet_times: deque[int] | None = deque() if self.media.container.format.name == "avi" else None
        self._start = self.stream.start_time
        self._usual_duration = frame_units(self.stream)
        self._n_out = 0  # frames out of the decoder, those before the segment included

    def _prepare(self) -> None:
        """Find the place to read from."""
        self._first, self._last = self._segment.units(self.time_base)
        self.limit = self._limits.behind(self.time_base, self._first or 0)
        self.end = 0  # of the last frame yielded, in time base units since the stream's start
        frames = None
        if self._first is not None and self._first > 0 and can_seek(self.media, self.stream):
            frames = self._entered()
            if frames is None:
                self.close()
                self._open()
        if self._segment.is_whole:
            self.report.declared = declared_packets(self.media.container, self.stream)
        self._frames = frames or self._timed(read(self.media, self.stream, self.report))

    def _entered(self) -> Iterator[tuple[av.VideoFrame, int]] | None:
        """Return the frames from the key frame before the segment; None if they would not be those of the whole."""
        packets = read_from(
            self.media,
            self.stream,
            self._first + self._start,
            lambda: read(self.media, self.stream, self.report),
        )
        if packets is None:
            return None
        key = next(packets)
        shown = (key.dts if self._packet_times is not None else key.pts) - self._start
        frames = self._timed(itertools.chain([key], packets))
        for frame, pts in frames:
            if pts < shown:  # shown before the key frame, and made of frames before it
                continue
            if pts > shown or not frame.key_frame or frame.is_corrupt:
                return None
            return itertools.chain([(frame, pts)], frames)
        return None

    @property
    def time_base(self) -> Fraction:
        """One unit of the times, in seconds."""
        return self.stream.time_base

    def close(self) -> None:
        """Close the file."""
        self.media.close()

    def __iter__(self) -> Iterator[tuple[av.VideoFrame, int]]:
        """Yield the frames of the segment, then complete the report."""
        report, n_damaged, at_end = self.report, 0, False
        for frame, pts in self._frames:
            end = pts + (frame.duration or self._usual_duration)
            self._seen_s = float(end * self.time_base)
            if self._first is not None and pts < self._first:
                continue
            if self._first is None and not report.decoded:  # the seconds count from a frame before 0, too
                self.limit = self._limits.behind(self.time_base, min(0, pts))
            if self._last is not None and pts >= self._last:
                break
            if pts >= self.limit:
                self.end = self.limit  # until then the frame before is on screen
                self.cut_off()
                break
            report.decoded += 1
            n_damaged += frame.is_corrupt
            self.end = end
            yield frame, pts
        else:
            at_end = True
        if n_damaged:
            report.damage(f"{n_damaged} frames are damaged")
        if at_end:
            self._compare_with_header()
        if not report.decoded:
            self._refuse()

    def cut_off(self) -> None:
        """Say that the video goes on behind what may be shown of it."""
        allowed = f"{self._limits.max_seconds:g} s of --max_seconds"
        self.report.damage(f"it is longer than the {allowed}: the rest is left out")

    def _refuse(self) -> None:
        """Raise VideoError for a video, or a segment, without a frame."""
        label = self.media.label
        if self._n_out and not self._segment.is_whole:
            why = f"no frame starts in the segment{self._segment}: the video is {self._length_s:.2f} s long"
            raise VideoError(f"{label}: {why}. Correct the segment in the list.")
        why = "; ".join(self.report.problems) or "the stream is empty"
        raise VideoError(f"{label}: not one frame decodes ({why}). Get the file again, or convert it.")

    @property
    def _length_s(self) -> float:
        """The video's length in seconds: by its header, or as far as it was decoded."""
        stated = self.stream.duration
        return max(self._seen_s, float(stated * self.time_base) if stated else 0.0)

    def _timed(self, packets: Iterator[Packet | None]) -> Iterator[tuple[av.VideoFrame, int]]:
        """Yield decoded frames with their time since the stream's start."""
        expected = self._start or 0  # stands in for a missing time
        for frame in self._decoded(packets):
            stated = self._packet_times.popleft() if self._packet_times else frame.pts
            pts = expected if stated is None else stated
            if self._start is None:
                self._start = pts
            self._n_out += 1
            yield frame, pts - self._start
            expected = pts + (frame.duration or self._usual_duration)

    def _decoded(self, packets: Iterator[Packet | None]) -> Iterator[av.VideoFrame]:
        """Yield decoded frames until the end, or until the decoder refuses a packet."""
        report, n_lost = self.report, 0
        for packet in packets:
            try:
                frames = self.stream.codec_context.decode(packet)
            except av.FFmpegError as error:
                check_refused(self.media, self.stream, packet, self._limits)
                if self._n_out:
                    report.damage(f"decoding stops after {report.decoded} frames: {reason(error)}")
                    break
                n_lost += 1
                continue
            if packet is not None and self._packet_times is not None:
                self._packet_times.append(packet.dts)
            for frame in frames:
                check(self.media, (frame.width, frame.height), self._limits)
                yield frame
        if n_lost:
            report.damage(f"{n_lost} packets before the first frame do not decode")

    def _compare_with_header(self) -> None:
        """Note what the header promises beyond what was decoded."""
        report, start_s = self.report, float((self._start or 0) * self.time_base)
        if report.declared is not None and report.decoded < report.declared:
            report.damage(f"{report.decoded} of {report.declared} frames decode")
        promised_s = declared_end_s(self.media.container, self.stream, exact_count=self._segment.is_whole)
        if promised_s is None:
            return
        if self._segment.end_s is not None:
            promised_s = min(promised_s, start_s + float(self._segment.end_s))
        decoded_s = start_s + float(self.end * self.time_base)
        slack_s = max(SLACK_S, 2 * float(self._usual_duration * self.time_base))
        if promised_s - decoded_s > slack_s:
            report.damage(f"it ends at {decoded_s:.2f} s, the header says {promised_s:.2f} s")
