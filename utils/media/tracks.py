"""Which of a file's streams are its picture and its sound."""

from collections.abc import Sequence
from typing import Literal, TypeVar

import av
from av.container import InputContainer
from av.stream import Disposition, Stream

from utils.media.languages import language_code

AnyTrack = TypeVar("AnyTrack", av.VideoStream, av.AudioStream)
FOR_IMPAIRED = Disposition.hearing_impaired | Disposition.visual_impaired


def is_cover(stream: Stream) -> bool:
    """Return whether a stream is cover art or thumbnails of a song or a film, and not a video."""
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))


def video_stream(container: InputContainer, track: str = "") -> av.VideoStream | None:
    """Return the video stream, None where there is none that can be decoded.

    track: which one, as its number among the video streams or its language; "" for the one that FFmpeg's
        av_find_best_stream takes: not cover art, with the default flag, with several frames, of the highest bit rate.
    """
    if track:
        return _chosen(container.streams.video, track)
    usable = [stream for stream in container.streams.video if stream.codec_context and not is_cover(stream)]
    return _usable(container.streams.best("video"), usable)


def audio_stream(container: InputContainer, track: str = "", beside: Stream | None = None) -> av.AudioStream | None:
    """Return the audio stream, None where there is none that can be decoded. track: as for `video_stream`.

    beside: the video stream, whose program the sound is taken from, as in a recording of several channels.
    """
    if track:
        return _chosen(container.streams.audio, track)
    usable = [stream for stream in container.streams.audio if stream.codec_context]
    return _usable(container.streams.best("audio", beside), usable)


def _usable(best: Stream | None, usable: Sequence[AnyTrack]) -> AnyTrack | None:
    """Return FFmpeg's choice; where that cannot be decoded, or is cover art, the best of the others."""
    found = next((stream for stream in usable if stream is best), None)
    return found or max(usable, key=_flags, default=None)


def _flags(stream: Stream) -> int:
    is_default = bool(stream.disposition & Disposition.default)
    return is_default + (not stream.disposition & FOR_IMPAIRED)


def _chosen(streams: Sequence[AnyTrack], track: str) -> AnyTrack | None:
    """Return the stream of this number or language; of several in one language, the one with the default flag."""
    if track.isdecimal():
        found = streams[int(track) : int(track) + 1]
    else:
        found = [stream for stream in streams if language_code(_language(stream)) == language_code(track)]
    return max((stream for stream in found if stream.codec_context), key=_flags, default=None)


def _language(stream: Stream) -> str:
    return stream.metadata.get("language", "")


def describe_streams(container: InputContainer) -> str:
    """Return what the file contains, such as "video h264, audio aac"; "no streams" where there are none."""
    return ", ".join(f"{stream.type} {_description(stream)}" for stream in container.streams) or "no streams"


def describe_tracks(container: InputContainer, kind: Literal["video", "audio"]) -> str:
    """Return the streams of a kind with what chooses them, such as "0: aac, eng, default; 1: ac3, fra"."""
    tracks: list[str] = []
    for number, stream in enumerate(stream for stream in container.streams if stream.type == kind):
        default = "default" if stream.disposition & Disposition.default else ""
        tracks.append(f"{number}: {', '.join(filter(None, (_description(stream), _language(stream), default)))}")
    return "; ".join(tracks) or "none"


def _description(stream: Stream) -> str:
    codec = stream.codec_context.codec.canonical_name if stream.codec_context else "of an unknown codec"
    return f"{codec} (cover art)" if is_cover(stream) else codec
