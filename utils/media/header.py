"""What the header of a file says of its streams: how many packets there are, and when they end."""

from typing import NamedTuple

import av
from av.container import InputContainer
from av.stream import Stream

from utils.media.container import Media, time_base

EXACT = (  # with a stated length
    "ivf", "mxf", "gxf", "flac", "wav", "w64", "aiff", "au", "caf", "nistsphere", "rso", "ast",
)  # fmt: skip
OF_SAMPLES = ("aiff", "au", "nistsphere", "rso")  # of them, those where nothing else shows that bytes are missing
OPEN_LENGTHS = (2**30, 2**31 - 1, 2**32 - 1)  # in the headers of AVI files that a pipe wrote
FRAME_SAMPLES = 64  # more than a byte of compressed sound has, and no more than a frame
AVI_AUDIO_SLACK_S = 0.05  # its headers are rounded; the index is compared as well
AVI_PICTURE_SLACK_S = 1.0  # frames that were dropped at the end are in the header, but no packets
ROUNDED_SLACK_S = 0.5  # some recorders of FLV and ASF round it
LISTED_SLACK_S = 0.5  # writers differ in what an MP4 lasts; its index lists what there is
MKVMERGE_TAG = "_STATISTICS_WRITING_APP"


class DeclaredEnd(NamedTuple):
    """When a stream ends by its header, in seconds of the stream's clock, and how much less is no loss."""

    end_s: float
    slack_s: float


def declared_packets(container: InputContainer, stream: Stream, *, shown: bool = True) -> int | None:
    """Return how many packets the index lists; None where the format has no full index in its header.

    shown: leave out those that an edit list hides. Only the MP4 family lists its frames exactly; a fragmented file has
    its index in pieces.
    """
    if not container.format.name.startswith("mov,") or not stream.frames:
        return None
    return sum(1 for entry in stream.index_entries if not (shown and entry.is_discard))


def counted_packets(container: InputContainer, stream: Stream) -> int | None:
    """Return how many packets there are; None where the file does not say.

    A tag of mkvmerge does, though FFmpeg copies it to what it cuts out. So does the index of an AVI file whose sound is
    counted in frames: a unit of its time is as long as one. MXF has a packet for each unit of a picture's time.
    """
    if container.format.name == "mxf" and isinstance(stream, av.VideoStream) and stream.duration:
        return stream.duration if stream.average_rate == 1 / time_base(stream) else None
    if container.format.name == "avi" and isinstance(stream, av.AudioStream):
        is_of_frames = time_base(stream) * stream.rate >= FRAME_SAMPLES
        return sum(1 for entry in stream.index_entries if entry.size) if is_of_frames else None
    writers = (value for key, value in container.metadata.items() if key.lower() == "encoder")
    is_copied = MKVMERGE_TAG in stream.metadata and any(writer.startswith("Lavf") for writer in writers)
    number = stream.metadata.get("NUMBER_OF_FRAMES", "")
    return int(number) if container.format.name == "matroska,webm" and number.isdecimal() and not is_copied else None


def stated_length_s(container: InputContainer, stream: Stream | None) -> float | None:
    """Return the stream's duration in seconds, else the file's; None where the header does not say."""
    if stream is not None and stream.duration is not None:
        return float(stream.duration * time_base(stream))
    return container.duration / av.time_base if container.duration is not None else None


def listed_bytes(container: InputContainer, stream: Stream) -> int:
    """Return how many bytes of a stream the index of an AVI file lists; 0 for any other file."""
    return sum(entry.size for entry in stream.index_entries) if container.format.name == "avi" else 0


def declared_end(media: Media, stream: Stream, usual_s: float) -> DeclaredEnd | None:
    """Return when a stream ends by its header; None where the header does not say.

    AVI headers give each stream's length, which FFmpeg calls its number of frames, in time base units; Matroska files
    by mkvmerge or FFmpeg have it as a tag of the stream.

    usual_s: duration of a packet, longer where it is not sure.
    """
    container, start, unit_s = media.container, stream.start_time or 0, time_base(stream)
    name, close_s = container.format.name, usual_s / 2 + 0.005
    if name == "avi" and stream.frames and stream.frames not in OPEN_LENGTHS:
        slack_s = AVI_PICTURE_SLACK_S if isinstance(stream, av.VideoStream) else max(AVI_AUDIO_SLACK_S, close_s)
        return DeclaredEnd(float((start + stream.frames) * unit_s), slack_s)
    if name == "matroska,webm":
        end_s = _clock_s(stream.metadata.get("DURATION", ""))
        return None if end_s is None else DeclaredEnd(end_s, close_s)
    if name in ("flv", "nut", "wtv") and container.duration:
        slack_s = close_s if name == "nut" else max(ROUNDED_SLACK_S, close_s)
        return DeclaredEnd(container.duration / av.time_base, slack_s)
    if name == "asf" and stream.duration:  # of the file, from 0 on, though the stream may start later
        return DeclaredEnd(float(stream.duration * unit_s), max(ROUNDED_SLACK_S, close_s))
    if not stream.duration or media.open_length or not (name in EXACT or name.startswith("mov,")):
        return None
    if name.startswith("mov,") and stream.frames:
        close_s = max(close_s, LISTED_SLACK_S)
    elif name in OF_SAMPLES and stream.codec_context.name.startswith("pcm_"):
        close_s = float(unit_s / 2)
    return DeclaredEnd(float((start + stream.duration) * unit_s), close_s)


def _clock_s(text: str) -> float | None:
    """Return the seconds of "hh:mm:ss.fraction"; None for any other text."""
    try:
        hours, minutes, seconds = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return None
