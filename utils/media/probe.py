"""What a media file contains: its streams, frame size, frame rate, duration and audio, without decoding it."""

import itertools
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from utils.errors import VideoError
from utils.media.container import (
    Media,
    average_fps,
    ffmpeg_reason,
    frame_units,
    open_media,
    require_video,
    time_base,
)
from utils.media.demux import declared_packets, packets
from utils.media.frame_rate import FrameRateRule, parse_fps
from utils.media.frame_size import limit_decoder
from utils.media.input import MediaSource
from utils.media.limits import DEFAULT_LIMITS, Limits
from utils.media.rotation import Orientation, orientation
from utils.media.seek import can_seek, packets_from_key_frame
from utils.media.segment import WHOLE, Segment
from utils.media.tracks import audio_stream, describe_streams, video_stream

TIME_MAX = 2**62  # time base units; no file lasts longer
VP8_SHOWN = 0x10  # bit of a VP8 frame's first byte: this frame is shown (RFC 6386, section 9.1)


@dataclass(frozen=True)
class MediaInfo:
    """What the header of a file says. Video fields are None without a video stream, audio fields without audio."""

    has_video: bool
    has_audio: bool
    streams: str  # e.g. "video h264, audio aac"
    width: int | None  # pixels of the upright frame
    height: int | None
    fps: Fraction | None  # average frames per second, as OpenCV's CAP_PROP_FPS
    duration_s: float | None  # of the video stream, else of the file; None where the header does not say
    declared_frames: int | None  # frames to show by the header; None where it gives no exact count
    audio_rate_hz: int | None
    audio_channels: int | None


def probe(source: MediaSource, limits: Limits = DEFAULT_LIMITS) -> MediaInfo:
    """Return what the file contains; a frame is decoded to know which way up it is. VideoError if it is not media."""
    with open_media(source, limits) as media:
        container = media.container
        video = video_stream(container, limits.video_track)
        audio = audio_stream(container, limits.audio_track, video)
        size = _upright_size(media, limits) if video else (None, None)
        return MediaInfo(
            has_video=video is not None,
            has_audio=audio is not None,
            streams=describe_streams(container),
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

    Nothing is decoded: the times are those of the packets. There are as many as decoding the same segment within the
    same limits yields frames (on a damaged file fewer may decode). Frames that an edit list hides do not count.
    fps: return the times of the frames sampled at this rate instead, as VideoStream yields them.

    Raises:
        VideoError: there is no video, or the file cannot be read.
    """
    times = _frame_times_s(source, fps, segment, limits, seek=True)
    if times is None:
        times = _frame_times_s(source, fps, segment, limits, seek=False)
    return cast(np.ndarray, times)  # None only with seek=True


def _frame_times_s(
    source: MediaSource, fps: float | Fraction | None, segment: Segment, limits: Limits, *, seek: bool
) -> np.ndarray | None:
    """Return `frame_times_s`. seek: start at the segment if possible; None where that fails on this file."""
    with open_media(source, limits) as media:
        segment.check(media.label)
        stream = require_video(media)
        limit_decoder(media, stream, limits)
        unit_s = time_base(stream)
        first, last = segment.units(unit_s)
        limit = limits.end(unit_s, first or 0)
        try:
            found = packets(media.container, stream)
            if seek and first is not None and first > 0 and can_seek(media, stream):
                time = first + (stream.start_time or 0)
                sought = packets_from_key_frame(media, stream, time, lambda: packets(media.container, stream))
                if sought is None:
                    return None
                found = itertools.chain([sought[0]], sought[1])
            pts, durations = _packet_times(media, stream, found, limit if last is None else min(limit, last))
        except FFmpegError as error:
            media.check()
            raise VideoError(f"{media.label}: reading stopped: {ffmpeg_reason(error)}. Get the file again.") from error
        media.check()
        if first is None and len(pts) and pts[0] < 0:  # the limit counts from a frame before 0, too
            limit = limits.end(unit_s, int(pts[0]))
        inside = pts < (limit if last is None else min(limit, last))
        if first is not None:
            inside &= pts >= first
        shown = pts[inside].tolist()
        if fps is None or not shown:
            return pts[inside] * float(unit_s)
        is_cut = (last is None or limit < last) and bool((pts >= limit).any())
        end = limit if is_cut else min(limit, shown[-1] + (int(durations[inside][-1]) or frame_units(stream)))
        return _ticks_s(shown, end, FrameRateRule(unit_s, parse_fps(fps), segment.origin_s), segment.origin_s)


def _ticks_s(pts: list[int], end: int, rule: FrameRateRule, origin_s: Fraction) -> np.ndarray:
    """Return the times of all ticks that show a frame, in seconds. end: of the last frame, in time base units."""
    ticks = [tick for time in pts for tick in rule.push(time)]
    ticks += rule.finish(end)
    return np.array([float(origin_s + tick / rule.fps) for tick in ticks])


def _packet_times(
    media: Media, stream: av.VideoStream, found: Iterator[Packet], end: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return when the frames in packets are shown, since the stream's start, and how long; sorted int64 [frames] each.

    end: the first time of no interest; packets are read until no frame before it can follow.
    """
    hidden = _is_hidden_vp8 if stream.codec_context.codec.canonical_name == "vp8" else _is_hidden
    is_avi = media.container.format.name == "avi"  # it has no presentation times: frames come in packet order
    start, usual = stream.start_time, frame_units(stream)
    times, durations = array("q"), array("q")  # a video of a day has millions of frames
    for packet in found:
        if hidden(packet):
            continue
        stated = packet.dts if is_avi or packet.pts is None else packet.pts
        if stated is None:  # a bare stream without times: evenly spaced
            stated = min(TIME_MAX, times[-1] + (durations[-1] or usual)) if times else start or 0
        times.append(stated)
        durations.append(packet.duration or 0)
        if start is not None and packet.dts is not None and packet.dts - start >= end:
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
    """Return whether a packet has no shown frame. VP8 has its alternate reference frames in separate packets."""
    return packet.is_discard or not bytes(packet)[0] & VP8_SHOWN


def _upright_size(media: Media, limits: Limits) -> tuple[int, int]:
    """Return (width, height) as shown; as stored where no frame decodes."""
    stream = require_video(media)
    limit_decoder(media, stream, limits)
    try:
        first = next(media.container.decode(stream), None)
    except FFmpegError:
        first = None  # decoding will report the damaged start; the size as stored is the best answer here
    turn = Orientation() if first is None else orientation(first)
    return turn.size(stream.codec_context.width, stream.codec_context.height)


def _duration_s(container: InputContainer, stream: Stream | None) -> float | None:
    """Return the stream's duration in seconds, else the file's."""
    if stream is not None and stream.duration is not None:
        return float(stream.duration * time_base(stream))
    return container.duration / av.time_base if container.duration is not None else None
