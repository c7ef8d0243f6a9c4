"""Reading a stream from the key frame before a moment, where that gives the frames of reading it from the start."""

import itertools
from collections.abc import Callable, Iterator

import av
from av.packet import Packet
from av.stream import Stream

from utils.media.container import Media

# Containers whose packets carry times and key frame marks that a decoder can start from. Not GIF and APNG, whose frames
# are changes to the one before though each is marked as a key frame, nor bare streams, which have no times, nor MPEG
# program streams, where most pictures' times are worked out from the ones before.
SEEKABLE = ("mov,", "matroska,", "avi", "mpegts", "flv", "asf", "nut", "mxf")
BACK_S = (0, 1, 4, 16, 64)  # how far before the moment to look for its key frame, one try after the other


def can_seek(media: Media, stream: Stream) -> bool:
    """Return whether decoding may start within the file.

    AVI files with frames out of order are read from their start: their frames have no times of their own, but count
    in the order that they leave the decoder.
    """
    name = media.container.format.name
    if name == "avi" and stream.codec_context.has_b_frames:
        return False
    return stream.start_time is not None and any(name == known or name.startswith(known) for known in SEEKABLE)


def read_from(
    media: Media, stream: Stream, moment: int, read: Callable[[], Iterator[Packet | None]]
) -> Iterator[Packet | None] | None:
    """Return the packets from a key frame that is shown at or before `moment`; None if none is found.

    moment: in time base units of the stream's clock. read: yields the packets from where the file stands.
    After None the file stands anywhere: open it again.
    """
    for back_s in BACK_S:
        target = moment - int(back_s / stream.time_base)
        if target <= stream.start_time:
            return None
        try:
            media.container.seek(target, stream=stream)
        except (av.FFmpegError, OverflowError):  # a time beyond any clock
            return None
        packets = read()
        key = next((packet for packet in packets if _starts(packet, moment)), None)
        if key is not None and key.pts is not None and key.pts <= moment:
            return itertools.chain([key], packets)
    return None


def _starts(packet: Packet | None, moment: int) -> bool:
    """Return whether a packet is a key frame, or lies behind the moment, so that looking on is no use."""
    return packet is not None and (packet.is_keyframe or (packet.pts or 0) > moment)
