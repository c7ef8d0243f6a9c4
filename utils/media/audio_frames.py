"""The decoded audio of a media file, or of a segment of it, piece by piece and counted in samples."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from av.audio.frame import AudioFrame
from av.codec.context import Flags2
from av.error import FFmpegError
from av.packet import Packet

from utils.config.words import counted
from utils.errors import VideoError
from utils.media.ac3 import AC3_FORMATS, without_tag
from utils.media.audio_gaps import LATE_TIMES, FrameOrSilence, GapFiller, Heard
from utils.media.audio_rules import AudioRules
from utils.media.clock import zero
from utils.media.container import ffmpeg_reason, open_media, require_audio, time_base
from utils.media.demux import read_packets
from utils.media.file_parts import is_tag
from utils.media.header import declared_packets
from utils.media.holes import AudioHoles
from utils.media.input import MediaSource
from utils.media.limits import Limits
from utils.media.report import AudioReport
from utils.media.segment import Segment

PRIMING_MAX = 6144  # samples per channel: three HE-AAC frames, more than any AAC encoder puts before the audio
RATES_HZ = range(1000, 384001)  # a header with any other rate is damaged
LOST_MAX_S = 1.0  # most silence in place of one lost packet: a longer one has a damaged header
WARM_UP_S = Fraction(1, 2)  # Opus needs 0.08 s, MP3's bit reservoir reaches back 0.26 s
SAMPLE_CLOCKS = ("wav", "w64", "aiff", "au", "flac")  # containers whose times are sample numbers; MP4's often are


@dataclass(frozen=True)
class Piece:
    """A decoded frame, or silence, and which of its samples are wanted."""

    audio: FrameOrSilence
    start: int
    stop: int


class SourceAudio:
    """Iterates once over the pieces of a segment, at the source's own rate.

    Where the container's times are sample numbers, decoding starts half a second before the segment; elsewhere it
    starts with the file, and what comes before the segment is dropped.
    """

    def __init__(self, source: MediaSource, segment: Segment, limits: Limits, rules: AudioRules) -> None:
        self._source = source
        self._segment = segment
        self._limits = limits
        self._rules = rules
        self._bounds_at: dict[int, tuple[int, int, int]] = {}  # by sample rate
        self._open()
        try:
            segment.check(self.media.label)
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        """Open the file at its start."""
        self.position = 0  # number of the next sample; number 0 is at the file's zero
        self.start_s = 0.0  # time of the first sample yielded
        self._failure = ""  # why the last lost packet does not decode
        self._n_packets = 0  # read
        self._at_end = self._is_cut = self._is_enough = False
        self.media = open_media(self._source, self._limits)
        try:
            self.stream = require_audio(self.media)
            self._context = self.stream.codec_context
            self._are_late = self._context.codec.canonical_name in LATE_TIMES
            self._gaps = GapFiller(time_base(self.stream), may_be_late=self._are_late)
            self.report = AudioReport(rate_hz=self.stream.rate)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self.media.close()

    def __iter__(self) -> Iterator[Piece]:
        """Yield the pieces with samples of the segment, then complete the report."""
        n_lost = n_damaged = n_frames = 0
        has_begun = False
        for heard in self._heard():
            first, last, limit = self._bounds()
            origin, position = self.position - heard.skipped, self.position
            if position >= min(last, limit):
                self._is_cut = True
                break
            if self._rules.first_s is not None and position > first + self._rules.first_s * self.report.rate_hz:
                self._is_enough = True
                break
            self.position = origin + heard.samples
            is_frame = isinstance(heard.decoded, AudioFrame)
            is_lost = not (is_frame or heard.fills_gap)
            if self.position < first or (self.position == first and not is_lost):
                continue
            if not has_begun:
                has_begun = True
                self.start_s = (
                    float(self._segment.start_s or 0) if position <= first else position / self.report.rate_hz
                )
            n_lost += is_lost
            n_frames += is_frame
            n_damaged += isinstance(heard.decoded, AudioFrame) and heard.decoded.is_corrupt
            stop = min(heard.samples, last - origin, limit - origin)
            yield Piece(heard.decoded, max(heard.skipped, first - origin), stop)
        if n_lost and not n_frames:
            raise VideoError(f"{self.media.label}: no packet of sound decodes: {self._failure}. Get the file again.")
        if n_lost:
            self.report.damage(f"{n_lost} of {self._n_packets} packets do not decode")
        if n_damaged:
            self.report.damage(f"{n_damaged} frames are damaged")
        self._note_gaps()
        self._compare_with_header()

    def _heard(self) -> Iterator[Heard]:
        """Yield what is decoded, on the chosen clock, with `position` at each piece and the rate in the report."""
        decoded = self._seek()
        if decoded is None:
            if self._rules.priming == "unread" and self.media.container.format.name.startswith("mov,"):
                self.media.seek(0, self.stream)
            decoded = self._decoded()
            opening = next(decoded, None)
            self.position = self._late(opening)
            decoded = itertools.chain([] if opening is None else [opening], decoded)
        for heard in map(Heard, decoded) if self._rules.clock == "samples" else self._gaps.fill(decoded):
            if isinstance(heard.decoded, AudioFrame) and heard.decoded.sample_rate != self.report.rate_hz:
                self.position = round(self.position * heard.decoded.sample_rate / max(1, self.report.rate_hz))
                self.report.rate_hz = heard.decoded.sample_rate
            yield heard

    def _late(self, opening: FrameOrSilence | None) -> int:
        """Return how many samples after the file's zero the sound starts. opening: what comes first."""
        if self._rules.clock == "samples" or opening is None:
            return 0
        stated = self.stream.start_time
        if isinstance(opening, AudioFrame):
            self.report.rate_hz = opening.sample_rate
            stated = opening.pts if stated is None else stated
        if stated is None:
            return 0
        late = stated - zero(self.media, self.stream, stated)
        return max(0, round(late * time_base(self.stream) * self.report.rate_hz))

    def _bounds(self) -> tuple[int, int, int]:
        """Return the number of the segment's first sample, of the first after it, and of the first past the limit."""
        rate_hz = self.report.rate_hz
        if rate_hz not in self._bounds_at:  # not `lru_cache`, which hashes the segment and the limits for each piece
            self._bounds_at[rate_hz] = _bounds(self._segment, self._limits, rate_hz)
        return self._bounds_at[rate_hz]

    def _seek(self) -> Iterator[FrameOrSilence] | None:
        """Return the audio from half a second before the segment, `position` set; None to decode from the start."""
        name = self.media.container.format.name
        in_mp4 = name.startswith("mov,")
        if self._segment.origin_s <= 2 * WARM_UP_S or not (in_mp4 or name in SAMPLE_CLOCKS):
            return None
        opening = next(self._decoded(), None)
        if isinstance(opening, AudioFrame) and opening.pts is not None:
            per_unit = opening.sample_rate * time_base(self.stream)  # samples
            late = self._late(opening)
            target_s = self._segment.origin_s - WARM_UP_S - Fraction(late, opening.sample_rate)
            found, rest = self._at(opening.pts + max(0, int(target_s / time_base(self.stream))))
            if found is not None and found.pts is not None and per_unit.denominator == 1:
                number = late + (found.pts - opening.pts) * int(per_unit)
                if late <= number <= self._bounds()[0] and self._pts_counts_samples(found, int(per_unit)):
                    self.position = number
                    return itertools.chain([found], rest)
        self.close()
        self._open()
        return None

    def _at(self, time: int) -> tuple[AudioFrame | None, Iterator[FrameOrSilence]]:
        """Return the frame at or before a time in time base units, None if there is none, and what follows it."""
        try:
            self.media.seek(time, self.stream)
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

    def _decoded(self) -> Iterator[FrameOrSilence]:
        """Yield decoded frames from the file's current position, and silence for lost packets."""
        self._opening, is_opening = AudioHoles(time_base(self.stream)), True  # until the first frame
        for packet in read_packets(self.media, self.stream, self.report):
            if not self._n_packets:
                self._keep_priming(packet)
            self._n_packets += packet is not None
            if is_opening and packet is not None and packet.pts is not None:
                self._opening.push(packet.pts, packet.duration or 0, is_joint=False)
            try:
                frames = self._frames_of(packet)
            except FFmpegError as error:
                self._failure = ffmpeg_reason(error)
                yield self._silence(packet)
                continue
            is_opening = is_opening and not frames
            for frame in frames:
                self._check_rate(frame)
                yield frame
        self._at_end = True

    def _frames_of(self, packet: Packet | None) -> list[AudioFrame]:
        """Decode a packet; a tag, which some parsers give as one, holds no frame."""
        if packet is not None and self.media.container.format.name in AC3_FORMATS:
            packet = without_tag(packet)
        try:
            return self._context.decode(packet)
        except FFmpegError:
            if packet is not None and is_tag(bytes(packet)):
                return []
            raise

    def _keep_priming(self, first: Packet | None) -> None:
        """Make the decoder keep encoder priming where the reference keeps it."""
        in_mp4 = self.media.container.format.name.startswith("mov,")
        is_aac = self._context.codec.canonical_name == "aac"
        if not (self._rules.priming == "kept" and in_mp4 and is_aac) or first is None or first.pts is None:
            return
        n_hidden = -first.pts * time_base(self.stream) * self.stream.rate
        if n_hidden <= PRIMING_MAX:
            self._context.flags2 |= Flags2.skip_manual

    def _check_rate(self, frame: AudioFrame) -> None:
        """Raise VideoError if the frame's rate is impossible."""
        if frame.sample_rate not in RATES_HZ:
            rate = f"an impossible sample rate of {frame.sample_rate} Hz"
            raise VideoError(f"{self.media.label}: {rate}. Get the file again, or convert it.")

    def _silence(self, packet: Packet | None) -> np.ndarray:
        """Return silence as long as a lost packet, at the source's rate."""
        if packet is None or not packet.duration:
            return np.empty(0, np.float32)
        lost_s = min(LOST_MAX_S, float(packet.duration * packet.time_base))
        return np.zeros(max(0, round(lost_s * self.report.rate_hz)), np.float32)

    def _note_gaps(self) -> None:
        """Report where the clock and the number of samples did not agree."""
        report = self.report.damage if self._are_late else self.report.note  # else packets show what is damage
        gaps, opening = self._gaps, self._opening.found()
        if opening.n:
            missing_s = float(opening.missing * time_base(self.stream))
            self.report.note(f"sound is missing for {missing_s:.2f} s before the first that decodes")
        if gaps.n_gaps:
            where = counted(gaps.n_gaps, "place")
            report(f"sound is missing for {gaps.silence_s:.2f} s in {where}: silence there")
        n_short, short_s = gaps.short.found()
        if n_short:
            report(f"sound is missing for {short_s:.2f} s in {counted(n_short, 'short gap')}")
        if gaps.overlap_s:
            report(f"{gaps.overlap_s:.2f} s of sound overlap with what comes before: left out")

    def _compare_with_header(self) -> None:
        """Report what the limit leaves out, and what is in the header but was not read."""
        report, container, segment = self.report, self.media.container, self._segment
        _, last, limit = self._bounds()
        if limit < last and (self.position > limit or self._is_cut):
            report.damage(self._limits.cut_off)
        if self._is_cut or self._is_enough or not self._at_end:
            return
        declared = declared_packets(container, self.stream, shown=False) if segment.is_whole else None
        if declared is not None and self._n_packets < declared:
            report.damage(f"{self._n_packets} of {declared} packets are in the file")


def _bounds(segment: Segment, limits: Limits, rate_hz: int) -> tuple[int, int, int]:
    """Return what `SourceAudio._bounds` does."""
    sample_s = Fraction(1, max(1, rate_hz))
    first, last = segment.units(sample_s)
    limit = limits.end(sample_s, first or 0)
    return first or 0, limit + 1 if last is None else last, limit
