"""The decoded frames of a video, or of a segment of it, in the order and at the times that they are shown."""

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction

from av.codec.hwaccel import HWAccel
from av.error import FFmpegError, InvalidDataError
from av.packet import Packet
from av.video.frame import VideoFrame

from utils.config.words import counted
from utils.errors import VideoError
from utils.media.clock import zero
from utils.media.completeness import STEADY
from utils.media.container import (
    ffmpeg_reason,
    frame_units,
    is_bare,
    open_media,
    require_fps,
    require_video,
    time_base,
)
from utils.media.crop import Crop, crop_of
from utils.media.demux import read_packets
from utils.media.frame_notes import OpenStart, note_kind
from utils.media.frame_size import check_refused_packet, check_size, limit_decoder
from utils.media.header import declared_packets, stated_length_s
from utils.media.holes import FrameHoles
from utils.media.input import MediaSource
from utils.media.limits import Limits
from utils.media.picture_packets import PicturePackets
from utils.media.report import VideoReport
from utils.media.seek import can_seek, packets_from_key_frame
from utils.media.segment import Segment
from utils.media.shown_times import ShownTimes

WITHOUT_PIXELS = {"skip_loop_filter": "all", "skip_idct": "all"}


class SourceFrames:
    """Iterates once over (frame, time since the stream's start in time base units).

    Where the decoder refuses a packet the frames end, and `report` says so: later ones would be guesses on missing
    references. Packets before the first frame that do not decode are skipped.

    A segment is read from the key frame before its start. The frames are the same as of decoding the whole file: where
    seeking might change them, the file is decoded from its start.

    count_only: the pixels are not needed, which saves some of the decoder's work.
    accelerator: decodes what it can; its frames stay on its device.

    Raises:
        VideoError: it is not media, or not one frame decodes; or the accelerator fails, at the first frame or later.
    """

    def __init__(
        self,
        source: MediaSource,
        threads: int,
        segment: Segment,
        limits: Limits,
        *,
        count_only: bool = False,
        accelerator: HWAccel | None = None,
    ) -> None:
        self._source = source
        self._threads = threads
        self._segment = segment
        self._limits = limits
        self._count_only, self._accelerator = count_only, accelerator
        self._open()
        try:
            segment.check(self.media.label)
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        self.report = VideoReport()
        self.media = open_media(self._source, self._limits, accelerator=self._accelerator)
        try:
            self.stream = require_video(self.media)
            limit_decoder(self.media, self.stream, self._limits)
            if self._count_only:
                self.stream.codec_context.options |= WITHOUT_PIXELS
            self.stream.codec_context.thread_type = "AUTO"
            self.stream.codec_context.thread_count = self._threads
        except BaseException:
            self.close()
            raise
        self._times = ShownTimes(self.media, self.stream)
        start = self.stream.start_time
        self._start = None if start is None else zero(self.media, self.stream, start)
        self._usual_duration = frame_units(self.stream)
        self._is_bare = is_bare(self.media.container)
        self._pictures = PicturePackets(self.stream)
        self._holes = FrameHoles(time_base(self.stream), self.report.joints)  # between frames put out
        self._open_start = OpenStart()
        self._n_damaged = 0  # frames
        self._n_lost = 0  # packets before the first frame that do not decode
        self._n_packets = 0  # with a picture to show, that were read
        self._n_out = 0  # frames that the decoder put out, including those before the segment

    def _prepare(self) -> None:
        """Go to where reading starts."""
        self._first, self._last = self._segment.units(self.time_base)
        self.limit = self._limits.end(self.time_base, self._first or 0)
        self.end = 0  # of the last frame yielded, in time base units since the stream's start
        frames = None
        if self._first is not None and self._first > 0 and can_seek(self.media, self.stream):
            frames = self._seek()
            if frames is None:
                self.close()
                self._open()
        if self._segment.is_whole and self._pictures.one_each:
            self.report.declared = declared_packets(self.media.container, self.stream)
        self._frames = frames or self._timed(read_packets(self.media, self.stream, self.report))

    def _seek(self) -> Iterator[tuple[VideoFrame, int]] | None:
        """Return the frames from the key frame before the segment; None if they may differ from those of the whole."""
        start = self._start or 0
        sought = packets_from_key_frame(
            self.media,
            self.stream,
            (self._first or 0) + start,
            lambda: read_packets(self.media, self.stream, self.report),
        )
        if sought is None:
            return None
        key, packets = sought
        key_time = key.dts if self._times.by_packets else key.pts
        if key_time is None:
            return None
        frames = self._timed(itertools.chain([key], packets))
        for frame, pts in frames:
            if pts < key_time - start:  # shown before the key frame, and depends on frames before it
                continue
            if pts > key_time - start or not frame.key_frame or frame.is_corrupt:
                return None
            return itertools.chain([(frame, pts)], frames)
        return None

    @property
    def time_base(self) -> Fraction:
        """One unit of the times, in seconds."""
        return time_base(self.stream)

    @property
    def length_s(self) -> float | None:
        """How long the file says that it is, in seconds."""
        return stated_length_s(self.media.container, self.stream)

    @property
    def label(self) -> str:
        """What messages call the file."""
        return self.media.label

    @property
    def codec(self) -> str:
        """FFmpeg's name of the codec, such as h264."""
        return self.stream.codec_context.name

    @property
    def crop(self) -> Crop:
        """What the container crops."""
        return crop_of(self.media, self.stream)

    def fps(self, first: VideoFrame) -> Fraction:
        """Return the average frames per second. VideoError if no video can have that rate. first: the first frame."""
        return require_fps(self.media, self.stream, first)

    def close(self) -> None:
        """Close the file."""
        self.media.close()

    def __iter__(self) -> Iterator[tuple[VideoFrame, int]]:
        """Yield the frames of the segment, then complete the report."""
        report, at_end = self.report, False
        for frame, pts in self._frames:
            end = pts + (frame.duration or self._usual_duration)
            self._seen = end
            if self._first is not None and pts < self._first:
                continue
            if self._first is None and not report.decoded:  # the limit counts from a frame before 0, too
                self.limit = self._limits.end(self.time_base, min(0, pts))
            if self._last is not None and pts >= self._last:
                break
            if pts >= self.limit:
                self.end = self.limit  # until then the frame before is on screen
                self.note_cut_off()
                break
            report.decoded += 1
            note_kind(report, frame)
            self._n_damaged += frame.is_corrupt
            self.end = end
            yield frame, pts
        else:
            at_end = True
        self.report_damaged()
        if at_end:
            self._compare_with_header()
        if not report.decoded:
            self._refuse()

    def report_damaged(self) -> None:
        """Report what of the stream, as far as it was read, the decoder refused or marks as damaged."""
        if self._n_lost:
            self.report.damage(f"{self._n_lost} packets before the first frame do not decode")
        if self._n_damaged:
            self.report.damage(f"{self._n_damaged} frames are damaged")

    def note_cut_off(self) -> None:
        """Report that the video is longer than allowed."""
        self.report.damage(self._limits.cut_off)

    def _refuse(self) -> None:
        """Raise VideoError for a video, or a segment, without a frame."""
        label = self.media.label
        if self._n_out and not self._segment.is_whole:
            stated = self.stream.duration
            length_s = float(max(self._seen, stated or 0) * self.time_base)  # or as far as decoded
            raise self._segment.without_frames(label, length_s)
        why = "; ".join(self.report.problems) or "the stream is empty"
        raise VideoError(f"{label}: not one frame decodes ({why}). Get the file again, or convert it.")

    def _timed(self, packets: Iterator[Packet | None]) -> Iterator[tuple[VideoFrame, int]]:
        """Yield decoded frames with their time since the stream's start."""
        expected = self._start or 0  # in place of a missing time
        for frame in self._decoded(packets):
            stated = self._times.of(frame)
            pts = expected if stated is None or self._is_bare else stated
            if self._start is None:
                self._start = zero(self.media, self.stream, pts)
            self._n_out += 1
            self._open_start.show(pts)
            self._holes.push(pts)
            yield frame, pts - self._start
            expected = pts + (self._usual_duration if self._is_bare else frame.duration or self._usual_duration)

    def _decoded(self, packets: Iterator[Packet | None]) -> Iterator[VideoFrame]:
        """Yield decoded frames until the end, or until the decoder refuses a packet."""
        report = self.report
        for packet in packets:
            if packet is not None:
                self._count(packet)
            if not self._pictures.one_each:
                report.declared = None  # until all were read, see `_declared`
            try:
                frames = self.stream.codec_context.decode(packet)
            except FFmpegError as error:
                check_refused_packet(self.media, self.stream, packet, self._limits)
                if packet is not None and self._pictures.is_header(packet):
                    continue
                if self._accelerator and not isinstance(error, InvalidDataError):  # the CPU might have decoded it
                    decoded = f"the GPU stops after {report.decoded} decoded frames: {ffmpeg_reason(error)}"
                    raise VideoError(f"{self.media.label}: {decoded}. Run it with --decode exact.") from error
                if self._n_out:
                    report.damage(f"decoding stops after {report.decoded} frames: {ffmpeg_reason(error)}")
                    break
                self._n_lost += 1
                continue
            if packet is not None:
                self._times.feed(packet)
            for frame in frames:
                check_size(self.media, (frame.width, frame.height), self._limits)
                yield frame
            if packet is None:
                self.report_damaged()  # before what is missing is reported

    def _count(self, packet: Packet) -> None:
        """Count a packet that has a picture to show."""
        if self._pictures.shows(packet):
            self._n_packets += 1
            if not self._times.by_packets and not self._is_bare:
                self._open_start.see(packet)

    def _declared(self) -> int | None:
        """Return how many frames the header promises. Where packets are not frames, those read tell the ratio."""
        n_packets = declared_packets(self.media.container, self.stream)
        if n_packets is None or self._pictures.one_each:
            return n_packets
        return math.ceil(self.report.decoded * max(n_packets, self._n_packets) / max(1, self._n_packets))

    def _compare_with_header(self) -> None:
        """Report what is in the header, or in the packets, but was not decoded."""
        report = self.report
        report.declared = self._declared() if self._segment.is_whole else None
        if report.declared is not None and report.decoded < report.declared:
            report.damage(f"{report.decoded} of {report.declared} frames decode")
        elif self._n_out < self._pictures.n_sure:
            report.damage(f"{self._n_out} of {self._pictures.n_sure} frames decode")
        elif self.media.container.format.name in STEADY and not report.partial and (n := self._holes.found().n):
            report.damage(f"frames do not decode in {counted(n, 'place')}")
        if self.media.from_start and (lost := self._open_start.problem):
            report.note(lost)
