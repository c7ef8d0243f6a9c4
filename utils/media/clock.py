"""One clock for all streams of a file: where its zero is, and how it continues where the times restart or jump."""

from dataclasses import dataclass
from fractions import Fraction

import av
from av.container import InputContainer
from av.format import Flags
from av.packet import Packet
from av.stream import Stream

from utils.media.container import Media, time_base
from utils.media.frame_rate import nearest
from utils.media.tracks import audio_stream, video_stream

TOGETHER_S = Fraction(15, 100)  # streams that start within it start together: encoder delay, priming, a few B-frames
JUMP_US = 10 * av.time_base  # ffmpeg's -dts_delta_threshold
BACK_US = av.time_base // 10  # a clock that runs back by more has restarted; ffmpeg_demux.c has this number, too
ERROR_US = 30 * 3600 * av.time_base  # ffmpeg's -dts_error_threshold
RESTART_US = av.time_base  # back by more, in a container whose clock may not jump: two files in one
MOST = 2**60  # units or microseconds: later times are damaged, and their sums leave 64 bits


def clock_streams(media: Media) -> list[Stream]:
    """Return the streams that share the clock: picture and sound, as chosen."""
    video = video_stream(media.container, media.limits.video_track)
    audio = audio_stream(media.container, media.limits.audio_track, video)
    return [stream for stream in (video, audio) if stream is not None]


def zero(media: Media, stream: Stream, start: int) -> int:
    """Return where 0 s of the file is on a stream's clock, in its time base units.

    Zero is where the first stream starts. A stream that starts up to `TOGETHER_S` later is taken to start there, too:
    what is hidden before the sound (priming) and what B-frames delay is not a difference that anyone wants to see.

    start: the stream's first time.
    """
    unit_s = time_base(stream)
    starts_s = [s.start_time * time_base(s) for s in clock_streams(media) if s.start_time is not None]
    first_s = min(starts_s, default=start * unit_s)
    return start if start * unit_s - first_s <= TOGETHER_S else round(first_s / unit_s)


@dataclass
class _StreamClock:
    """What is known of one stream's times, in microseconds after correction.

    unit_s: of its packets' times, as numerator and denominator: PyAV makes a Fraction of it in every packet anew.
    """

    unit_s: tuple[int, int]
    offset_us: int  # of the correction
    dts_us: int | None = None  # of the last packet
    next_us: int | None = None  # expected of the next one

    def __post_init__(self) -> None:
        self._most = min(MOST, MOST * self.unit_s[1] // (self.unit_s[0] * av.time_base))

    def us(self, units: int) -> int:
        """Return a time in units of the stream's time base, in microseconds."""
        return nearest(units * self.unit_s[0] * av.time_base, self.unit_s[1])

    def duration_us(self, packet: Packet) -> int:
        """Return how long a packet lasts, in microseconds."""
        if packet.duration:
            return self.us(packet.duration)
        rate = getattr(packet.stream, "average_rate", None)
        return int(av.time_base / rate) if rate else 0

    def drop_impossible(self, packet: Packet) -> int:
        """Drop the times of a packet that no clock can have; return how many."""
        n_dropped = 0
        for name in ("dts", "pts"):
            stated = getattr(packet, name)
            if stated is not None and abs(stated) > self._most:
                setattr(packet, name, None)
                n_dropped += 1
        return n_dropped

    def shift(self, packet: Packet) -> None:
        """Move a packet's times by the correction."""
        offset = nearest(self.offset_us * self.unit_s[1], self.unit_s[0] * av.time_base)
        if packet.dts is not None:
            packet.dts += offset
        if packet.pts is not None:
            packet.pts += offset


class Clock:
    """Corrects the times of packets in the order in which they are read, so that they continue past a joint.

    The rules and numbers are those of ffmpeg (ts_discontinuity_detect and ist_dts_update in fftools/ffmpeg_demux.c). In
    containers whose clock may jump (MPEG-TS, MPEG-PS, Ogg), a time more than 10 s away from what the packet before
    leads to expect, or more than 0.1 s back, is a joint: all that follows is shifted by the difference. In others, a
    time more than 30 hours away is an error, and dropped.

    Two things go further. A stream takes over a shift with its own first packet past the joint, not with the first
    packet of any stream: parsers hold packets back. And a clock that restarts in a container where it may not (joined
    Matroska files or fragments of MP4) goes on at the end of what came before, too.
    """

    def __init__(self, container: InputContainer) -> None:
        self._may_jump = bool(container.format.flags & Flags.ts_discont.value)
        self._streams: dict[int, _StreamClock] = {}
        self._newest_us = 0  # the latest shift
        self._last_us: int | None = None  # the last time of any stream
        self._end_us: int | None = None  # the latest end of any packet
        self.is_past_joint = False  # the last packet is the first of its stream past a joint
        self.n_dropped = 0  # impossible times of packets

    def correct(self, packet: Packet) -> int:
        """Correct a packet's times in place; return by how many microseconds the clock jumps there, mostly 0."""
        stream = self._streams.get(packet.stream_index)
        if stream is None:
            stream = _StreamClock(packet.time_base.as_integer_ratio(), self._newest_us)
            self._streams[packet.stream_index] = stream
        self.n_dropped += stream.drop_impossible(packet)
        jump_us, offset_us = 0, stream.offset_us
        if packet.is_discard:  # an edit list may hide the same packets before and after what it shows
            self.is_past_joint = False
            if offset_us:
                stream.shift(packet)
            return 0
        if packet.dts is not None:
            jump_us = self._joint(stream, packet) if self._may_jump else self._restart(stream, packet)
            stream.offset_us -= jump_us
            self._newest_us = stream.offset_us if jump_us else self._newest_us
        self.is_past_joint = stream.offset_us != offset_us
        if stream.offset_us:
            stream.shift(packet)
        self._expect(stream, packet)
        return jump_us

    def _joint(self, stream: _StreamClock, packet: Packet) -> int:
        """Return by how much the clock jumps at a packet of a container whose clock may jump."""
        expected_us = self._last_us if stream.next_us is None else stream.next_us
        if expected_us is None:
            return 0
        raw_us = stream.us(packet.dts or 0)
        if abs(raw_us + self._newest_us - expected_us) < abs(raw_us + stream.offset_us - expected_us):
            stream.offset_us = self._newest_us
        now_us = raw_us + stream.offset_us
        runs_back = stream.dts_us is not None and now_us + BACK_US < stream.dts_us
        return now_us - expected_us if runs_back or abs(now_us - expected_us) > JUMP_US else 0

    def _restart(self, stream: _StreamClock, packet: Packet) -> int:
        """Return by how much the clock runs back at a packet of another container. Drop impossible times."""
        if stream.next_us is None or stream.dts_us is None or self._end_us is None:
            return 0
        for name in ("dts", "pts"):
            stated = getattr(packet, name)
            if stated is not None and abs(stream.us(stated) + stream.offset_us - stream.next_us) > ERROR_US:
                setattr(packet, name, None)
                self.n_dropped += 1
        if packet.dts is None:
            return 0
        raw_us = stream.us(packet.dts)
        if raw_us + stream.offset_us + RESTART_US >= stream.dts_us:
            return 0
        if raw_us + self._newest_us + RESTART_US >= stream.dts_us:  # another stream came to the joint first
            stream.offset_us = self._newest_us
            return 0
        return stream.us(packet.dts if packet.pts is None else packet.pts) + stream.offset_us - self._end_us

    def _expect(self, stream: _StreamClock, packet: Packet) -> None:
        """Take note of a corrected packet's times."""
        if packet.dts is not None:
            stream.dts_us = stream.next_us = self._last_us = stream.us(packet.dts)
        if stream.next_us is None:
            return
        stream.next_us += stream.duration_us(packet)
        stated = packet.dts if packet.pts is None else packet.pts
        if stated is not None:
            self._end_us = max(self._end_us or 0, stream.us(stated + (packet.duration or 0)))
