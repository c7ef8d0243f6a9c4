"""Reading packets, and what the header of a file says about them."""

from collections.abc import Iterator

from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from utils.media.container import Media, ffmpeg_reason, time_base
from utils.media.report import DecodeReport


def packets(container: InputContainer, stream: Stream) -> Iterator[Packet]:
    """Yield the stream's packets that have data.

    Empty packets (dropped frames of AVI files, the demuxer's last one) are left out: a decoder takes one for the end.
    """
    return (packet for packet in container.demux(stream) if packet.size)


def read_packets(media: Media, stream: Stream, report: DecodeReport) -> Iterator[Packet | None]:
    """Yield the stream's packets from the file's current position, then None, which flushes a decoder.

    Where the file is damaged, the packets may end early, and `report` says so.

    Raises:
        VideoError: bytes of the file cannot be read, which says nothing about what is in them.
    """
    n_corrupt = 0
    try:
        for packet in packets(media.container, stream):
            media.check()  # here, since a packet that breaks off is no damage then
            n_corrupt += packet.is_corrupt
            yield packet
    except FFmpegError as error:
        media.check()
        report.damage(f"reading stops before the end: {ffmpeg_reason(error)}")
    media.check()
    if n_corrupt:
        report.damage(f"{n_corrupt} packets are incomplete in the file")
    yield None


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
