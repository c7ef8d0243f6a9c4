"""Refusing pictures that are too large, by size, before memory is taken for them."""

import av
from av.packet import Packet
from av.stream import Stream

from utils.errors import VideoError
from utils.media.container import Media, open_media, video_stream
from utils.media.limits import Limits


def bound(media: Media, stream: Stream, limits: Limits) -> None:
    """Make the stream's decoder refuse larger pictures. VideoError if the header promises such."""
    stream.codec_context.options = limits.decoder_options
    size = (stream.codec_context.width, stream.codec_context.height)
    check(media, size if all(size) else _stated(media, limits), limits)


def check_refused(media: Media, stream: Stream, packet: Packet | None, limits: Limits) -> None:
    """Raise VideoError if the pictures in a packet that the decoder refused are too large."""
    size = (stream.codec_context.width, stream.codec_context.height)
    if packet is not None and not all(size):
        size = _parsed(stream, packet)
    check(media, size, limits)


def check(media: Media, size: tuple[int, int], limits: Limits) -> None:
    """Raise VideoError if a picture of this (width, height) is too large."""
    width, height = size
    if width * height > limits.max_pixels:
        found = f"{width}x{height} = {width * height:,} pixels"
        allowed = f"more than the {limits.max_pixels:,} of --max_pixels"
        raise VideoError(f"{media.label}: its pictures are {found}, {allowed}. Raise --max_pixels if that is right.")


def _stated(media: Media, limits: Limits) -> tuple[int, int]:
    """Return (width, height) by the header alone: a decoder that refused it when FFmpeg looked in has forgotten it."""
    with open_media(media.source, limits, decoders=False) as undecoded:
        stream = video_stream(undecoded.container)
        return (stream.codec_context.width, stream.codec_context.height) if stream else (0, 0)


def _parsed(stream: Stream, packet: Packet) -> tuple[int, int]:
    """Return (width, height) as the codec's parser finds them in a packet, without decoding; zeros if it does not."""
    context = av.CodecContext.create(stream.codec_context.codec.name, "r")
    if stream.codec_context.extradata:
        context.extradata = stream.codec_context.extradata
    try:
        context.parse(bytes(packet))
        context.parse(None)  # it may wait for the next picture
    except (av.FFmpegError, ValueError):  # ValueError: the codec has no parser
        return (0, 0)
    return (context.width, context.height)
