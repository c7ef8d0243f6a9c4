"""Reading packets, and what the header of a file says about them."""

from collections.abc import Iterator

from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from utils.media.container import Media, ffmpeg_reason, time_base
from utils.media.report import DecodeReport

END_MARKED = ("mpjpeg", "smjpeg")
END_MARK_BYTES = 128
JPEG_END = b"\xff\xd9"
SAMPLE_COUNTED = ("nistsphere", "au", "aiff")  # their headers have the number of samples
OPEN_LENGTHS = (2**30, 2**31 - 1, 2**32 - 1)  # in the headers of AVI files that a pipe wrote


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
    n_corrupt = end = 0
    try:
        for packet in packets(media.container, stream):
            media.check()  # here, since a packet that breaks off is no damage then
            n_corrupt += packet.is_corrupt and not _is_whole_picture(media.container, packet)
            end = max(end, (packet.pos or 0) + packet.size)
            yield packet
    except FFmpegError as error:
        media.check()
        if not _is_end_mark(media.container, end):
            report.damage(f"reading stops before the end: {ffmpeg_reason(error)}")
    media.check()
    if n_corrupt and not media.open_length:  # else FFmpeg marks the last packet, as it hoped for a full one
        report.damage(f"{n_corrupt} packets are incomplete in the file")
    yield None


def _is_whole_picture(container: InputContainer, packet: Packet) -> bool:
    """Return whether a packet is a JPEG with its end. Without stated lengths FFmpeg calls the last ones corrupt."""
    return container.format.name == "mpjpeg" and JPEG_END in bytes(packet)[-END_MARK_BYTES:]


def _is_end_mark(container: InputContainer, end: int) -> bool:
    """Return whether what follows a file's last packet is no more than the mark of its end, which FFmpeg refuses."""
    return container.format.name in END_MARKED and 0 <= container.size - end < END_MARK_BYTES


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
    if container.format.name in SAMPLE_COUNTED and stream.duration:
        return float(stream.duration * time_base(stream))
    if container.format.name == "avi" and stream.frames and stream.frames not in OPEN_LENGTHS:
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
