"""Refusing frames that are too large, by their size, before memory is allocated for them."""

from typing import cast

import av
from av.error import FFmpegError
from av.packet import Packet

from utils.errors import VideoError
from utils.media.container import Media, open_media
from utils.media.limits import Limits
from utils.media.tracks import video_stream


def limit_decoder(media: Media, stream: av.VideoStream, limits: Limits) -> None:
    """Make the stream's decoder refuse frames that are too large. VideoError if the header announces such frames."""
    stream.codec_context.options = limits.decoder_options
    size = (stream.codec_context.width, stream.codec_context.height)
    check_size(media, size if all(size) else _size_by_header(media, limits), limits)


def check_refused_packet(media: Media, stream: av.VideoStream, packet: Packet | None, limits: Limits) -> None:
    """Raise VideoError if the frames in a packet that the decoder refused are too large."""
    size = (stream.codec_context.width, stream.codec_context.height)
    if packet is not None and not all(size):
        size = _size_by_parser(stream, packet)
    check_size(media, size, limits)


def check_size(media: Media, size: tuple[int, int], limits: Limits) -> None:
    """Raise VideoError if a frame of this (width, height) is too large."""
    width, height = size
    if width * height > limits.max_pixels:
        found = f"{width}x{height} = {width * height:,} pixels"
        allowed = f"more than the {limits.max_pixels:,} of --max_pixels"
        raise VideoError(f"{media.label}: its frames have {found}, {allowed}. Raise --max_pixels if that is right.")


def _size_by_header(media: Media, limits: Limits) -> tuple[int, int]:
    """Return (width, height) by the header alone: the decoder loses it where FFmpeg's first look was refused."""
    with open_media(media.source, limits, decoders=False) as undecoded:
        stream = video_stream(undecoded.container, limits.video_track)
        return (stream.codec_context.width, stream.codec_context.height) if stream else (0, 0)


def _size_by_parser(stream: av.VideoStream, packet: Packet) -> tuple[int, int]:
    """Return (width, height) as the codec's parser finds them in a packet, without decoding; zeros if it does not."""
    codec = stream.codec_context.codec.name
    context = cast(av.VideoCodecContext, av.CodecContext.create(codec, "r"))  # the codec is one of video
    if stream.codec_context.extradata:
        context.extradata = stream.codec_context.extradata
    try:
        context.parse(bytes(packet))
        context.parse(None)  # it may wait for the next frame
    except (FFmpegError, ValueError):  # ValueError: the codec has no parser
        return (0, 0)
    return (context.width, context.height)
