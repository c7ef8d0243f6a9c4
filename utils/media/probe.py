"""What a media file holds: its streams, picture size, frame rate, duration and sound, without decoding it."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from utils.errors import VideoError
from utils.media.container import (
    Media,
    audio_stream,
    average_fps,
    describe,
    frame_units,
    open_media,
    reason,
    require_video,
    video_stream,
)
from utils.media.demux import declared_packets, packets
from utils.media.frame_rate import FrameRateRule, parse_fps
from utils.media.frame_size import bound
from utils.media.input import MediaSource
from utils.media.limits import DEFAULT_LIMITS, Limits
from utils.media.rotation import Orientation, orientation
from utils.media.seek import can_seek, read_from
from utils.media.segment import WHOLE, Segment

TIME_MAX = 2**62  # no file lasts longer on any clock
VP8_SHOWN = 0x10  # bit of a VP8 frame's first byte: this frame is shown (RFC 6386, section 9.1)


@dataclass(frozen=True)
class MediaInfo:
    """What the header of a file says. Video fields are None without a video stream, audio fields without sound."""

    has_video: bool
    has_audio: bool
    streams: str  # e.g. "video h264, audio aac"
    width: int | None  # pixels of the upright picture
    height: int | None
    fps: Fraction | None  # average frames per second, as CAP_PROP_FPS
    duration_s: float | None  # of the video stream, else of the file; None where the header does not say
    declared_frames: int | None  # frames the header promises to show; None where it makes no exact promise
    audio_rate_hz: int | None
    audio_channels: int | None


def probe(source: MediaSource, limits: Limits = DEFAULT_LIMITS) -> MediaInfo:
    """Return what the file holds. One frame is decoded, to know which way up it is. VideoError if it is no media."""
    with open_media(source, limits) as media:
        container = media.container
        video, audio = video_stream(container), audio_stream(container)
        size = _upright_size(media, limits) if video else (None, None)
        return MediaInfo(
            has_video=video is not None,
            has_audio=audio is not None,
            streams=describe(container),
            width=size[0],
            height=size[1],
            fps=average_fps(video) if video else None,
            duration_s=_duration_s(container, video or audio),
            declared_frames=declared_packets(container, video) if video else None,
            audio_rate_hz=audio.rate if audio else None,
            audio_channels=audio.channels if audio else None,
        )


def frame_times_s(
    source: MediaSource,
    fps: float | Fraction | None = None,
    segment: Segment = WHOLE,
    limits: Limits = DEFAULT_LIMITS,
) -> np.ndarray:
    """Return when each frame is shown, float64 [frames], in seconds since the stream's start, in order.

    Nothing is decoded: the times are those of the packets, and there are as many as decoding the same segment within
    the same limits yields frames (on a damaged file fewer may decode). Frames that an edit list hides do not count.
    fps: the times of the frames sampled at this rate instead, as VideoStream gives them.

    Raises:
        VideoError: there is no video, or the file cannot be read.
    """
    times = _times(source, fps, segment, limits, enter=True)
    return _times(source, fps, segment, limits, enter=False) if times is None else times


def _times(
    source: MediaSource, fps: float | Fraction | None, segment: Segment, limits: Limits, *, enter: bool
) -> np.ndarray | None:
    """Return `frame_times_s`. enter: begin at the segment where that can be done; None if that fails on this file."""
    with open_media(source, limits) as media:
        segment.check(media.label)
        stream = require_video(media)
        bound(media, stream, limits)
        first, last = segment.units(stream.time_base)
        limit = limits.behind(stream.time_base, first or 0)
        try:
            found = packets(media.container, stream)
            if enter and first is not None and first > 0 and can_seek(media, stream):
                moment = first + stream.start_time
                found = read_from(media, stream, moment, lambda: packets(media.container, stream))
                if found is None:
                    return None
            pts, durations = _packet_times(media, stream, found, limit if last is None else min(limit, last))
        except av.FFmpegError as error:
            raise VideoError(f"{media.label}: reading stopped: {reason(error)}. Get the file again.") from error
        if media.failure:
            raise VideoError(f"{media.label}: {media.failure}")
        if first is None and len(pts) and pts[0] < 0:  # the seconds count from a frame before 0, too
            limit = limits.behind(stream.time_base, int(pts[0]))
        inside = pts < (limit if last is None else min(limit, last))
        if first is not None:
            inside &= pts >= first
        shown = pts[inside].tolist()
        if fps is None or not shown:
            return pts[inside] * float(stream.time_base)
        is_cut = (last is None or limit < last) and bool((pts >= limit).any())
        end = limit if is_cut else min(limit, shown[-1] + (int(durations[inside][-1]) or frame_units(stream)))
        return _ticks_s(shown, end, FrameRateRule(stream.time_base, parse_fps(fps), segment.origin_s), segment.origin_s)


def _ticks_s(pts: list[int], end: int, rule: FrameRateRule, origin_s: Fraction) -> np.ndarray:
    """Return when each tick of the rule shows a frame, in seconds. end: of the last frame, in time base units."""
    ticks = [tick for time in pts for tick in rule.push(time)]
    ticks += rule.finish(end)
    return np.array([float(origin_s + tick / rule.fps) for tick in ticks])


def _packet_times(media: Media, stream: Stream, found: Iterator[Packet], behind: int) -> tuple[np.ndarray, np.ndarray]:
    """Return when the frames in packets are shown, since the stream's start, and how long; sorted int64 [frames] each.

    behind: the first moment that is of no interest; packets are read until nothing before it can come.
    """
    hidden = _is_hidden_vp8 if stream.codec_context.codec.canonical_name == "vp8" else _is_hidden
    is_avi = media.container.format.name == "avi"  # it states no presentation times: frames come in packet order
    start, usual = stream.start_time, frame_units(stream)
    times, durations = array("q"), array("q")  # a video of a day has millions
    for packet in found:
        if hidden(packet):
            continue
        stated = packet.dts if is_avi or packet.pts is None else packet.pts
        if stated is None:  # a bare stream of pictures: evenly spaced
            stated = min(TIME_MAX, times[-1] + (durations[-1] or usual)) if times else start or 0
        times.append(stated)
        durations.append(packet.duration or 0)
        if start is not None and packet.dts is not None and packet.dts - start >= behind:
            break  # no frame is shown before it is decoded
    all_times = np.array(times, np.int64)
    order = np.argsort(all_times, kind="stable")
    pts = all_times[order]
    if len(pts):
        pts = pts - (pts[0] if start is None else start)
    return pts, np.array(durations, np.int64)[order]


def _is_hidden(packet: Packet) -> bool:
    return packet.is_discard


def _is_hidden_vp8(packet: Packet) -> bool:
    """VP8 keeps its alternate reference frames, which are never shown, in packets of their own."""
    return packet.is_discard or not bytes(packet)[0] & VP8_SHOWN


def _upright_size(media: Media, limits: Limits) -> tuple[int, int]:
    """Return (width, height) as shown; as stored where no frame decodes."""
    stream = require_video(media)
    bound(media, stream, limits)
    turn = Orientation()
    try:
        for frame in media.container.decode(stream):
            turn = orientation(frame)
            break
    except av.FFmpegError:
        # A damaged start is for the decoder to report. The size as stored is the best answer here.
        turn = Orientation()
    return turn.size(stream.codec_context.width, stream.codec_context.height)


def _duration_s(container: InputContainer, stream: Stream | None) -> float | None:
    """Return the stream's duration in seconds, else the file's."""
    if stream is not None and stream.duration is not None:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration is not None else None
