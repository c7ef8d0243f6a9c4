"""Reading packets, and what the header of a file says about them."""

from collections import deque
from collections.abc import Iterator

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from utils.errors import VideoError
from utils.media.clock import Clock, clock_streams
from utils.media.completeness import Completeness
from utils.media.container import Media, ffmpeg_reason
from utils.media.report import DecodeReport

JPEG_END_BYTES = 128  # in which the end of a picture is
END_MARKS = {"mpjpeg": 128, "smjpeg": 128, "wv": 1 << 16}  # most bytes after the last packet; of WavPack tags
JPEG_END = b"\xff\xd9"
LATER_STREAM = "a stream begins in the middle of the file (changed PIDs?): it is not read"
IMPOSSIBLE_TIMES = "it has times that no clock can have: they are made up from what comes before"
JOINTS_NOTED = 3  # of a file that has thousands, the first tell enough
APPLE_DRM = ("drms", "drmi")
READ_IN_BLOCKS = ("adx",)  # its last packet is shorter than FFmpeg asks for, which marks it
HELD_BY_PARSERS = 2  # packets of a stream that come out of parsers after what follows them was read


def read_packets(media: Media, stream: Stream, report: DecodeReport) -> Iterator[Packet | None]:
    """Yield the stream's packets from the file's current position, then None, which flushes a decoder.

    What is missing in the file is reported after that (see `Completeness`).
    Their times are those of the file's one clock (see `Clock`). Empty packets (dropped frames of AVI files, the
    demuxer's last one) are left out: a decoder takes one for the end. Where the file cannot be read to its end, or is
    encrypted from somewhere on, the packets end early, and `report` says so.

    Raises:
        VideoError: the stream is encrypted from its start, or bytes of the file cannot be read.
    """
    corrupt: deque[bool] = deque()  # of the last packets: the mark also stands before a joint, where nothing is missing
    n_packets = n_corrupt = end = 0
    complete, is_encrypted = Completeness(media, stream, report), _is_encrypted(media, stream)
    try:
        for packet, is_joint in _on_one_clock(media, stream, report):
            media.check()  # here, since a packet that breaks off is no damage then
            complete.see(packet)
            if is_joint:
                corrupt.clear()
            if packet.stream_index != stream.index or not packet.size:
                continue
            if is_encrypted or packet.has_sidedata("encryption_info"):  # MPEG's Common Encryption
                _report_encrypted(media, stream, n_packets, report)
                break
            n_packets += 1
            complete.take(packet, is_joint)
            end = max(end, (packet.pos or 0) + packet.size)
            corrupt.append(packet.is_corrupt and not _is_whole_picture(media.container, packet))
            if len(corrupt) > HELD_BY_PARSERS:
                n_corrupt += corrupt.popleft()
            yield packet
    except FFmpegError as error:
        media.check()
        if not _is_end_mark(media.container, end):
            report.damage(f"reading stops before the end: {ffmpeg_reason(error)}")
    media.check()
    n_corrupt += sum(corrupt)
    hoped_for_more = media.open_length or media.container.format.name in READ_IN_BLOCKS
    if n_corrupt and not hoped_for_more:  # else FFmpeg marks the last packet, as it hoped for a full one
        report.damage(f"{n_corrupt} packets are incomplete in the file")
    yield None
    complete.finish()


def _report_encrypted(media: Media, stream: Stream, n_before: int, report: DecodeReport) -> None:
    """Report a stream that is encrypted after some packets; VideoError where it is from its start."""
    if not n_before:
        why = f"its {stream.type} stream is encrypted"
        raise VideoError(f"{media.label}: {why}. Get a copy without DRM, or decrypt it first.")
    report.damage(f"it is encrypted after {n_before} packets")


def _is_whole_picture(container: InputContainer, packet: Packet) -> bool:
    """Return whether a packet is a JPEG with its end. Without stated lengths FFmpeg calls the last ones corrupt."""
    return container.format.name == "mpjpeg" and JPEG_END in bytes(packet)[-JPEG_END_BYTES:]


def _is_end_mark(container: InputContainer, end: int) -> bool:
    """Return whether what follows a file's last packet is no more than the mark of its end, which FFmpeg refuses."""
    return 0 <= container.size - end < END_MARKS.get(container.format.name, 0)


def _on_one_clock(media: Media, stream: Stream, report: DecodeReport) -> Iterator[tuple[Packet, bool]]:
    """Yield the packets of all streams, and whether each is the first of its stream past a joint.

    The times of those streams that share the clock are corrected.
    """
    container, n_joints = media.container, 0
    clock = Clock(container)
    timed = {other.index for other in (stream, *clock_streams(media))}
    packets = container.demux()
    while True:
        try:
            packet = next(packets, None)
        except IndexError:  # at the end, where PyAV flushes a stream that appeared on the way
            report.note(LATER_STREAM)
            return
        if packet is None:
            return
        is_timed = packet.size > 0 and packet.stream_index in timed
        jump_us = clock.correct(packet) if is_timed else 0
        if clock.n_dropped:
            report.note(IMPOSSIBLE_TIMES)
        if jump_us:
            n_joints += 1
            if n_joints <= JOINTS_NOTED:
                report.note(_joint(container, packet, jump_us))
            elif n_joints == JOINTS_NOTED + 1:
                report.note("its clock jumps at further places")
        yield packet, is_timed and clock.is_past_joint


def _is_encrypted(media: Media, stream: Stream) -> bool:
    """Return whether a whole stream is encrypted: by Apple, or in WebM."""
    is_apple = media.container.format.name.startswith("mov,") and stream.codec_tag in APPLE_DRM
    return is_apple or "enc_key_id" in stream.metadata


def _joint(container: InputContainer, packet: Packet, jump_us: int) -> str:
    """Return what happens to the clock at a packet, as a clause."""
    at_s = float((packet.dts or 0) * packet.time_base) - (container.start_time or 0) / av.time_base
    direction = "jumps ahead" if jump_us > 0 else "goes back"
    return f"its clock {direction} by {abs(jump_us) / av.time_base:.2f} s at {at_s:.2f} s: times go on from there"
