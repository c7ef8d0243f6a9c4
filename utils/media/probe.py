"""What a media file holds: its streams, picture size, frame rate, duration and sound, without decoding it."""

import os
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from utils.errors import VideoError
from utils.media.container import (
    audio_stream,
    average_fps,
    describe,
    open_media,
    reason,
    require_video,
    video_stream,
)
from utils.media.demux import declared_packets, packets
from utils.media.resample import FrameRateRule, nearest, parse_fps
from utils.media.upright import Orientation, orientation

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


def probe(path: str | os.PathLike[str]) -> MediaInfo:
    """Return what the file holds. One frame is decoded, to know which way up it is. VideoError if it is no media."""
    with open_media(path) as container:
        video, audio = video_stream(container), audio_stream(container)
        size = _upright_size(container, video) if video else (None, None)
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


def frame_times_s(path: str | os.PathLike[str], fps: float | None = None) -> np.ndarray:
    """Return when each frame is shown, float64 [frames], in seconds since the stream's start, in order.

    Nothing is decoded: the times are those of the packets, and there are as many as decoding the whole video yields
    frames (on a damaged file fewer may decode). Frames that an edit list hides do not count.
    fps: the times of the frames sampled at this rate instead, as VideoStream gives them.

    Raises:
        VideoError: there is no video, or the file cannot be read.
    """
    with open_media(path) as container:
        stream = require_video(container, path)
        hidden = _is_hidden_vp8 if stream.codec_context.codec.canonical_name == "vp8" else _is_hidden
        is_avi = container.format.name == "avi"  # it states no presentation times: frames come in packet order
        try:
            shown = [packet for packet in packets(container, stream) if not hidden(packet)]
        except av.FFmpegError as error:
            raise VideoError(f"{path}: reading stopped: {reason(error)}. Get the file again.") from error
        stated = sorted(
            packet.dts if is_avi or packet.pts is None else packet.pts
            for packet in shown
            if packet.pts is not None or packet.dts is not None
        )
        if not stated:
            return np.empty(0)
        start = stated[0] if stream.start_time is None else stream.start_time
        pts = [time - start for time in stated]
        if fps is None:
            return np.array(pts, np.float64) * float(stream.time_base)
        usual = nearest(*(1 / (average_fps(stream) * stream.time_base)).as_integer_ratio())
        return _times_at_rate(pts, shown[-1].duration or usual, stream.time_base, parse_fps(fps))


def _times_at_rate(pts: list[int], last_duration: int, time_base: Fraction, fps: Fraction) -> np.ndarray:
    """Return the times of the ticks at which a frame is shown, in seconds."""
    rule = FrameRateRule(time_base, fps)
    ticks = [tick for time in pts for tick in rule.push(time)]
    ticks += rule.finish(pts[-1] + last_duration)
    return np.array([float(tick / fps) for tick in ticks])


def _is_hidden(packet: Packet) -> bool:
    return packet.is_discard


def _is_hidden_vp8(packet: Packet) -> bool:
    """VP8 keeps its alternate reference frames, which are never shown, in packets of their own."""
    return packet.is_discard or not bytes(packet)[0] & VP8_SHOWN


def _upright_size(container: InputContainer, stream: Stream) -> tuple[int, int]:
    """Return (width, height) as shown; as stored where no frame decodes."""
    turn = Orientation()
    try:
        for frame in container.decode(stream):
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
