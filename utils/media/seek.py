"""Reading a stream from a key frame, where that gives the same frames as reading it from the start."""

import itertools
from collections.abc import Callable, Iterator
from typing import TypeVar

import av
from av.error import FFmpegError
from av.format import Flags
from av.packet import Packet

from utils.media.clock import zero
from utils.media.container import Media, open_media, time_base
from utils.media.demux import read_packets
from utils.media.report import VideoReport

# Containers whose packets have times, and marks of key frames that a decoder can start from. Not GIF and APNG, which
# mark each frame as a key frame though it is a change to the one before, nor bare streams, which have no times, nor
# MPEG program streams, where the times of most frames follow from earlier ones.
SEEKABLE = ("mov,", "matroska,", "avi", "mpegts", "flv", "asf", "nut", "mxf")
PacketOrNone = TypeVar("PacketOrNone", Packet, Packet | None)  # None at the end of some sources of packets

BACK_S = (0, 1, 4, 16, 64)  # how far before the wanted time to look for its key frame, in successive tries


def can_seek(media: Media, stream: av.VideoStream) -> bool:
    """Return whether decoding may start in the middle of the file.

    AVI files with B-frames are read from their start: frames have no times there, but are counted as they leave the
    decoder.
    """
    name = media.container.format.name
    if name == "avi" and stream.codec_context.has_b_frames:
        return False
    return stream.start_time is not None and any(name == known or name.startswith(known) for known in SEEKABLE)


def packets_from_key_frame(
    media: Media, stream: av.VideoStream, time: int, read: Callable[[], Iterator[PacketOrNone]]
) -> tuple[Packet, Iterator[PacketOrNone]] | None:
    """Return a key frame that is shown at or before a time and the packets after it; None if none is found.

    Where the clock may jump, nothing is sought: only reading all that comes before tells what time it is.

    time: in time base units of the file's clock. read: yields the packets from the file's current position.
    After None that position is undefined: open the file again.
    """
    if media.container.format.flags & Flags.ts_discont.value:
        return _read_from_key_frame(media, stream, time, read)
    for back_s in BACK_S:
        target = time - int(back_s / time_base(stream))
        if target <= zero(media, stream, stream.start_time or 0):
            return None
        try:
            media.seek(target, stream)
        except (FFmpegError, OverflowError):  # a time beyond any clock
            return None
        packets = read()
        key = next((packet for packet in packets if _ends_search(packet, time)), None)
        if key is not None and key.pts is not None and key.pts <= time:
            return key, packets
    return None


def _read_from_key_frame(
    media: Media, stream: av.VideoStream, time: int, read: Callable[[], Iterator[PacketOrNone]]
) -> tuple[Packet, Iterator[PacketOrNone]] | None:
    """Return the same by reading up to the time, once to find the key frame and once to get there."""
    number = None
    with open_media(media.source, media.limits) as other:
        for i, packet in enumerate(read_packets(other, other.container.streams[stream.index], VideoReport())):
            if packet is None or (packet.dts is not None and packet.dts > time):
                break
            if packet.is_keyframe and packet.pts is not None and packet.pts <= time:
                number = i
    packets = itertools.islice(read(), number, None)
    key = next(packets, None)
    return None if number is None or key is None else (key, packets)


def _ends_search(packet: Packet | None, time: int) -> bool:
    """Return whether a packet is a key frame, or comes after the time."""
    return packet is not None and (packet.is_keyframe or (packet.pts or 0) > time)
