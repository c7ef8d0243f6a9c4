"""What a media file contains: its streams, frame size, frame rate, duration and audio, without decoding it."""

from dataclasses import dataclass
from fractions import Fraction

from av.error import FFmpegError

from utils.media.container import (
    Media,
    average_fps,
    open_media,
    require_video,
)
from utils.media.crop import crop_of
from utils.media.frame_size import limit_decoder
from utils.media.header import declared_packets, stated_length_s
from utils.media.input import MediaSource
from utils.media.limits import DEFAULT_LIMITS, Limits
from utils.media.rotation import Orientation, orientation
from utils.media.tracks import audio_stream, describe_streams, video_stream


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
            duration_s=stated_length_s(container, video or audio),
            declared_frames=declared_packets(container, video) if video else None,
            audio_rate_hz=audio.rate if audio else None,
            audio_channels=audio.channels if audio else None,
        )


def _upright_size(media: Media, limits: Limits) -> tuple[int, int]:
    """Return (width, height) as shown; as stored where no frame decodes."""
    stream = require_video(media)
    limit_decoder(media, stream, limits)
    try:
        first = next(media.container.decode(stream), None)
    except FFmpegError:
        first = None  # decoding will report the damaged start; the size as stored is the best answer here
    turn = Orientation() if first is None else orientation(first)
    stored = (stream.codec_context.width, stream.codec_context.height)
    return turn.size(*crop_of(media, stream).size(*stored))
