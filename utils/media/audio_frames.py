"""The decoded audio of a media file, or of a segment of it, piece by piece and counted in samples."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from av.audio.frame import AudioFrame
from av.codec.context import Flags2
from av.error import FFmpegError
from av.packet import Packet

from utils.errors import VideoError
from utils.media.container import open_media, require_audio, time_base
from utils.media.demux import declared_end_s, declared_packets, read_packets
from utils.media.input import MediaSource
from utils.media.limits import Limits
from utils.media.report import AudioReport
from utils.media.segment import Segment

PRIMING_MAX = 6144  # samples per channel: three HE-AAC frames, more than any AAC encoder puts before the audio
RATES_HZ = range(1000, 384001)  # a header with any other rate is damaged
LOST_MAX_S = 1.0  # most silence in place of one lost packet: a longer one has a damaged header
SLACK_S = 1.0  # durations in headers are rounded: only more than this counts as missing
WARM_UP_S = Fraction(1, 2)  # Opus needs 0.08 s, MP3's bit reservoir reaches back 0.26 s
SAMPLE_CLOCKS = ("wav", "w64", "aiff", "au", "flac")  # containers whose times are sample numbers; MP4's often are

Decoded = AudioFrame | np.ndarray  # a frame, or float32 [n] of silence in place of a lost packet


@dataclass(frozen=True)
class Piece:
    """A decoded frame, or silence in place of a lost packet, and which of its samples are wanted."""

    audio: Decoded
    start: int
    stop: int


class SourceAudio:
    """Iterates once over the pieces of a segment, at the source's own rate.

    The first sample of the whole file has number 0 and is at 0 s. Where the container's times are sample numbers,
    decoding starts half a second before the segment; elsewhere it starts with the file, and what comes before the
    segment is dropped.
    """

    def __init__(self, source: MediaSource, segment: Segment, limits: Limits) -> None:
        self._source = source
        self._segment = segment
        self._limits = limits
        self._open()
        try:
            segment.check(self.media.label)
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        """Open the file at its start."""
        self.position = 0  # number of the next sample
        self._n_packets = self._end = 0  # packets read, and the end of the last one, in time base units
        self._at_end = False
        self.media = open_media(self._source, self._limits)
        try:
            self.stream = require_audio(self.media)
            self._context = self.stream.codec_context
            self.report = AudioReport(rate_hz=self.stream.rate)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self.media.close()

    def __iter__(self) -> Iterator[Piece]:
        """Yield the pieces with samples of the segment, then complete the report."""
        n_lost = n_damaged = 0
        for decoded in self._seek() or self._decoded():
            is_lost = isinstance(decoded, np.ndarray)
            first, last, limit = self._bounds()
            position, n_samples = self.position, len(decoded) if isinstance(decoded, np.ndarray) else decoded.samples
            if position >= min(last, limit):
                break
            self.position += n_samples
            if self.position < first or (self.position == first and not is_lost):
                continue
            n_lost += is_lost
            n_damaged += not isinstance(decoded, np.ndarray) and decoded.is_corrupt
            yield Piece(decoded, max(0, first - position), min(n_samples, last - position, limit - position))
        if n_lost:
            self.report.damage(f"{n_lost} of {self._n_packets} packets do not decode")
        if n_damaged:
            self.report.damage(f"{n_damaged} frames are damaged")
        self._compare_with_header()

    def _bounds(self) -> tuple[int, int, int]:
        """Return the number of the segment's first sample, of the first after it, and of the first past the limit."""
        return _bounds(self._segment, self._limits, self.report.rate_hz)

    def _seek(self) -> Iterator[Decoded] | None:
        """Return the audio from half a second before the segment, `position` set; None to decode from the start."""
        name = self.media.container.format.name
        in_mp4 = name.startswith("mov,")
        if self._segment.origin_s <= 2 * WARM_UP_S or not (in_mp4 or name in SAMPLE_CLOCKS):
            return None
        opening = next(self._decoded(), None)
        if isinstance(opening, AudioFrame) and opening.pts is not None:
            per_unit = opening.sample_rate * time_base(self.stream)  # samples
            target = opening.pts + int((self._segment.origin_s - WARM_UP_S) / time_base(self.stream))
            found, rest = self._at(target)
            if found is not None and found.pts is not None and per_unit.denominator == 1:
                number = (found.pts - opening.pts) * int(per_unit)
                if 0 <= number <= self._bounds()[0] and self._pts_counts_samples(found, int(per_unit)):
                    self.position = number
                    return itertools.chain([found], rest)
        self.close()
        self._open()
        return None

    def _at(self, time: int) -> tuple[AudioFrame | None, Iterator[Decoded]]:
        """Return the frame at or before a time in time base units, None if there is none, and what follows it."""
        try:
            self.media.container.seek(time, stream=self.stream)
        except (FFmpegError, OverflowError):  # a time beyond any clock
            return None, iter(())
        rest = self._decoded()
        found = next(rest, None)
        return (found if isinstance(found, AudioFrame) else None), rest

    def _pts_counts_samples(self, frame: AudioFrame, per_unit: int) -> bool:
        """Return whether the frame's time tells how many samples come before it.

        It does for PCM and FLAC, and in MP4 if all packets up to it last as long as their samples: some recorders write
        uneven lengths to stay in step with the video.
        """
        codec = self._context.codec.canonical_name
        if codec == "flac" or codec.startswith("pcm_"):
            return True
        entries = self.stream.index_entries
        number = entries.search_timestamp(frame.pts)
        if number < 0:
            return False
        elapsed = entries[number].timestamp - entries[0].timestamp
        return elapsed * per_unit == number * frame.samples

    def _decoded(self) -> Iterator[Decoded]:
        """Yield decoded frames from the file's current position, and silence for lost packets."""
        for packet in read_packets(self.media, self.stream, self.report):
            if not self._n_packets:
                self._keep_priming(packet)
            self._n_packets += packet is not None
            try:
                frames = self._context.decode(packet)
            except FFmpegError:
                yield self._silence(packet)
                continue
            for frame in frames:
                self._check_rate(frame)
                yield frame
            if packet is not None and packet.pts is not None:
                self._end = packet.pts + (packet.duration or 0)
        self._at_end = True

    def _keep_priming(self, first: Packet | None) -> None:
        """Make the decoder keep encoder priming where the reference keeps it."""
        in_mp4 = self.media.container.format.name.startswith("mov,")
        if not in_mp4 or first is None or first.pts is None or self._context.codec.canonical_name != "aac":
            return
        n_hidden = -first.pts * time_base(self.stream) * self.stream.rate
        if n_hidden <= PRIMING_MAX:
            self._context.flags2 |= Flags2.skip_manual

    def _check_rate(self, frame: AudioFrame) -> None:
        """Record the frame's rate. VideoError if it is impossible."""
        if frame.sample_rate not in RATES_HZ:
            rate = f"an impossible sample rate of {frame.sample_rate} Hz"
            raise VideoError(f"{self.media.label}: {rate}. Get the file again, or convert it.")
        self.report.rate_hz = frame.sample_rate

    def _silence(self, packet: Packet | None) -> np.ndarray:
        """Return silence as long as a lost packet, at the source's rate."""
        if packet is None or not packet.duration:
            return np.empty(0, np.float32)
        lost_s = min(LOST_MAX_S, float(packet.duration * packet.time_base))
        return np.zeros(max(0, round(lost_s * self.report.rate_hz)), np.float32)

    def _compare_with_header(self) -> None:
        """Report what the limit leaves out, and what is in the header but was not read."""
        report, container, segment = self.report, self.media.container, self._segment
        _, last, limit = self._bounds()
        if limit < last and (self.position > limit or not self._at_end):
            allowed = f"{self._limits.max_seconds:g} s of --max_seconds"
            report.damage(f"it is longer than the {allowed}: the rest is left out")
        if not self._at_end:
            return
        declared = declared_packets(container, self.stream, shown=False) if segment.is_whole else None
        if declared is not None and self._n_packets < declared:
            report.damage(f"{self._n_packets} of {declared} packets are in the file")
        read_s = float(self._end * time_base(self.stream))
        declared_s = declared_end_s(container, self.stream, exact_count=segment.is_whole)
        if declared_s is not None and segment.end_s is not None:
            declared_s = min(declared_s, float(segment.end_s))
        if declared_s is not None and declared_s - read_s > SLACK_S:
            report.damage(f"it ends at {read_s:.2f} s, the header says {declared_s:.2f} s")


@lru_cache(maxsize=16)
def _bounds(segment: Segment, limits: Limits, rate_hz: int) -> tuple[int, int, int]:
    """Return what `SourceAudio._bounds` does. Cached: a minute of audio may have thousands of pieces."""
    sample_s = Fraction(1, max(1, rate_hz))
    first, last = segment.units(sample_s)
    limit = limits.end(sample_s, first or 0)
    return first or 0, limit + 1 if last is None else last, limit
