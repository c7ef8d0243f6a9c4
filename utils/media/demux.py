"""Reading packets, and what the header of a file says about them."""

from collections import deque
from collections.abc import Iterator

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from utils.media.clock import Clock, clock_streams
from utils.media.container import Media, ffmpeg_reason, time_base
from utils.media.report import DecodeReport

JOINTS_NOTED = 3  # of a file that has thousands, the first tell enough
HELD_BY_PARSERS = 2  # packets of a stream that come out of parsers after what follows them was read


def read_packets(media: Media, stream: Stream, report: DecodeReport) -> Iterator[Packet | None]:
    """Yield the stream's packets from the file's current position, then None, which flushes a decoder.

    Their times are those of the file's one clock (see `Clock`). Empty packets (dropped frames of AVI files, the
    demuxer's last one) are left out: a decoder takes one for the end. Where the file cannot be read to its end, the
    packets end early, and `report` says so.
    """
    corrupt: deque[bool] = deque()  # of the last packets: the mark also stands before a joint, where nothing is missing
    n_corrupt = 0
    try:
        for packet, is_joint in _on_one_clock(media, stream, report):
            if is_joint:
                corrupt.clear()
            if packet.stream_index != stream.index:
                continue
            corrupt.append(packet.is_corrupt)
            if len(corrupt) > HELD_BY_PARSERS:
                n_corrupt += corrupt.popleft()
            yield packet
    except FFmpegError as error:
        report.damage(f"reading stops before the end: {media.failure or ffmpeg_reason(error)}")
    else:
        if media.failure:
            report.damage(f"reading stops before the end: {media.failure}")
    if n_corrupt := n_corrupt + sum(corrupt):
        report.damage(f"{n_corrupt} packets are incomplete in the file")
    yield None


def _on_one_clock(media: Media, stream: Stream, report: DecodeReport) -> Iterator[tuple[Packet, bool]]:
    """Yield the packets of all streams that share the clock, corrected, and whether the clock jumps at each."""
    container, n_joints = media.container, 0
    clock = Clock(container)
    streams = {other.index: other for other in (stream, *clock_streams(container))}
    for packet in container.demux(*streams.values()):
        if not packet.size:
            continue
        jump_us = clock.correct(packet)
        if jump_us:
            n_joints += 1
            if n_joints <= JOINTS_NOTED:
                report.note(_joint(container, packet, jump_us))
            elif n_joints == JOINTS_NOTED + 1:
                report.note("its clock jumps at further places")
        yield packet, bool(jump_us)


def _joint(container: InputContainer, packet: Packet, jump_us: int) -> str:
    """Return what happens to the clock at a packet, as a clause."""
    at_s = float((packet.dts or 0) * packet.time_base) - (container.start_time or 0) / av.time_base
    direction = "jumps ahead" if jump_us > 0 else "goes back"
    return f"its clock {direction} by {abs(jump_us) / av.time_base:.2f} s at {at_s:.2f} s: times go on from there"


def declared_packets(container: InputContainer, stream: Stream, *, shown: bool = True) -> int | None:
    """Return how many packets the index lists; None where the format has no full index in its header.

    shown: leave out those that an edit list hides. Only the MP4 family lists its frames exactly; the counts of other
    containers are estimates, and a fragmented file has its index in pieces.
    """
    if not container.format.name.startswith("mov,") or not stream.frames:
        return None
    return sum(1 for entry in stream.index_entries if not (shown and entry.is_discard))


def declared_end_s(container: InputContainer, stream: Stream, *, exact_count: bool = True) -> float | None:
    """Return when the stream ends by its header, in seconds of its own clock; None where the header does not say.

    AVI headers give each stream's length, which FFmpeg calls its number of frames, in time base units; Matroska files
    by mkvmerge or FFmpeg have it as a tag of the stream. exact_count: the caller compares the packet count where the
    header has one (see `declared_packets`); otherwise the duration in such a header is returned as well.
    """
    if container.format.name == "avi" and stream.frames:
        return float(((stream.start_time or 0) + stream.frames) * time_base(stream))
    if container.format.name == "matroska,webm":
        return _clock_s(stream.metadata.get("DURATION", ""))
    if container.format.name.startswith("mov,") and stream.duration and not exact_count:
        return float(((stream.start_time or 0) + stream.duration) * time_base(stream))
    return None


def _clock_s(text: str) -> float | None:
    """Return the seconds of "hh:mm:ss.fraction"; None for any other text."""
    try:
        hours, minutes, seconds = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return None
