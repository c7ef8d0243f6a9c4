"""Opening a media file: no other file is read on its behalf; every failure is a VideoError with cause and remedy."""

import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, cast

import av
from av.codec.hwaccel import HWAccel
from av.container import Container, InputContainer
from av.error import FFmpegError
from av.format import Flags
from av.stream import Stream
from av.video.frame import VideoFrame

from utils.errors import SkippedError, VideoError
from utils.media.bare_jpeg import is_stream_of_jpegs
from utils.media.formats import BY_SUFFIX, DEMUXERS
from utils.media.frame_folder import frame_folder
from utils.media.frame_rate import nearest
from utils.media.input import FrameArray, LocalFile, MediaSource
from utils.media.limits import DEFAULT_LIMITS, MAX_FPS, Limits
from utils.media.open_length import has_open_length
from utils.media.reader import Reader, open_reader
from utils.media.refusal import HEAD_BYTES, cause_of_refusal, other_content
from utils.media.tracks import audio_stream, describe_streams, describe_tracks, video_stream
from utils.storage.urls import redacted

IF_PATTERN = "or leave out quotes around a pattern: the shell replaces it by the files; or use --input_dir with --glob."
READ_BYTES = 1 << 18  # read at once from an address, a tar or memory
LOCAL_READ_BYTES = 1 << 16  # and from a local file, where short reads cost little


class Media:
    """An opened media file; a context manager. Closing it closes the stream of bytes that it is read from.

    label: what messages call it. open_length: the header leaves open how long it is, so it cannot be cut off.
    """

    def __init__(
        self,
        source: MediaSource,
        container: InputContainer,
        label: str,
        reader: Reader,
        limits: Limits,
        *,
        open_length: bool = False,
    ) -> None:
        self.source = source
        self.container = container
        self.label = label
        self.limits = limits
        self.open_length = open_length
        self.from_start = True  # nothing was sought
        self._reader = reader

    def check(self) -> None:
        """Raise VideoError if bytes could not be read: FFmpeg takes that for the end of the file."""
        if self._reader.failure:
            raise VideoError(f"{self.label}: {self._reader.failure}")

    def read_at(self, offset: int, n: int) -> bytes:
        """Return n bytes from a place in the file on, fewer at its end. FFmpeg's own place stays."""
        position = self._reader.tell()
        self._reader.seek(offset)
        data = self._reader.read(n)
        self._reader.seek(position)
        return data

    def seek(self, time: int, stream: Stream) -> None:
        """Go to the key frame before a time, in the stream's time base units. Raises FFmpegError, OverflowError."""
        self.from_start = False
        self.container.seek(time, stream=stream)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and the stream."""
        self.container.close()
        self._reader.close()


def open_media(
    source: MediaSource, limits: Limits = DEFAULT_LIMITS, *, decoders: bool = True, accelerator: HWAccel | None = None
) -> Media:
    """Return the opened file. Nothing else is opened on its behalf: no playlist entry, no reference, no address.

    A str is always the name of a local file, even if it looks like an address or an option.
    decoders: whether FFmpeg may decode the first frames to learn what the header does not say.
    accelerator: decodes what it can; the CPU decodes the rest.

    Raises:
        VideoError: the file is missing, empty, not media, or cut off before its index.
    """
    is_local = isinstance(source, str | os.PathLike)
    label = str(source) if is_local else redacted(str(source))
    if isinstance(source, FrameArray):
        raise VideoError(f"{label}: an array of frames holds no sound")
    if is_local:
        _refuse_frame_folders(source, label, limits)
        _refuse_non_files(Path(source), label)
    reader = open_reader(LocalFile(source) if is_local else source, limits.max_bytes)
    open_length = has_open_length(reader)
    options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "none"}
    options |= limits.decoder_options if decoders else {"codec_whitelist": "none"}
    options |= {"ignore_length": "1"} if open_length else {}
    form = "mjpeg" if is_stream_of_jpegs(reader) else None
    try:
        n_bytes = LOCAL_READ_BYTES if is_local else READ_BYTES
        container = av.open(
            reader, "r", form, options=options, metadata_errors="replace", buffer_size=n_bytes, hwaccel=accelerator
        )
    except (FFmpegError, ValueError) as error:
        reader.seek(0)
        cause = reader.failure or cause_of_refusal(reader.read(HEAD_BYTES), ffmpeg_reason(error), reader.name)
        reader.close()
        raise VideoError(f"{label}: cannot be opened as media: {cause}") from error
    except BaseException:
        reader.close()
        raise
    return _checked(Media(source, container, label, reader, limits, open_length=open_length))


def _checked(media: Media) -> Media:
    """Return what was opened; VideoError for text or a picture that FFmpeg takes for sound because of its suffix."""
    try:
        media.check()
        if media.container.format.name in BY_SUFFIX and (cause := other_content(media.read_at(0, HEAD_BYTES))):
            raise VideoError(f"{media.label}: cannot be opened as media: {cause}")
    except BaseException:
        media.close()
        raise
    return media


def _refuse_frame_folders(path: str | os.PathLike[str], label: str, limits: Limits) -> None:
    """Raise VideoError if the sound of a folder of frames is wanted: nothing else opens one as a media file."""
    if frame_folder(path) is None:
        return
    reason = f"{label}: a folder of frames has no sound"
    if limits.skip_silent:
        raise SkippedError(f"{reason} (--no_audio skip)")
    raise VideoError(f"{reason}. Give a video or sound file.")


def _refuse_non_files(file: Path, path: str) -> None:
    """Raise VideoError unless `file` is a regular file and not empty."""
    try:
        if not file.exists():
            remedy = IF_PATTERN if any(sign in path for sign in "*?") else "or remove it from the list of videos."
            raise VideoError(f"{path}: no such file. Check the path, {remedy}")
        if not file.is_file():
            raise VideoError(f"{path}: not a regular file. Give the path of a video or audio file.")
        if file.stat().st_size == 0:
            raise VideoError(f"{path}: the file is empty (0 bytes). Download or copy it again.")
    except (OSError, ValueError) as error:
        raise VideoError(f"{path}: cannot be read ({error}). Check the path and its permissions.") from error


def ffmpeg_reason(error: Exception) -> str:
    """Return FFmpeg's own words for an error, without numbers and file names, as part of a sentence."""
    text = getattr(error, "strerror", None) or str(error)
    return text[:1].lower() + text[1:]


def require_video(media: Media) -> av.VideoStream:
    """Return the video stream; VideoError where there is none."""
    stream = video_stream(media.container, media.limits.video_track)
    if stream is not None:
        return stream
    _check_track(media, "video", media.limits.video_track)
    found = describe_streams(media.container)
    raise VideoError(f"{media.label}: no video stream (it has: {found}). For audio use --feature_type vggish.")


def require_audio(media: Media) -> av.AudioStream:
    """Return the audio stream; VideoError where there is none."""
    container = media.container
    video = video_stream(container, media.limits.video_track)
    stream = audio_stream(container, media.limits.audio_track, video)
    if stream is not None:
        return stream
    _check_track(media, "audio", media.limits.audio_track)
    reason = f"{media.label}: no audio stream (it has: {describe_streams(container)})"
    if media.limits.skip_silent and video is not None and not container.streams.audio:
        raise SkippedError(f"{reason} (--no_audio skip)")
    raise VideoError(f"{reason}. For frames use a video feature type such as i3d.")


def _check_track(media: Media, kind: Literal["video", "audio"], track: str) -> None:
    """Raise VideoError for a stream that was not found, if the user chose it."""
    if track:
        found = describe_tracks(media.container, kind)
        raise VideoError(f"{media.label}: no {kind} track {track} that can be decoded. Its {kind} tracks are {found}.")


def time_base(stream: Stream) -> Fraction:
    """Return one unit of the stream's times, in seconds."""
    return cast(Fraction, stream.time_base)  # FFmpeg sets it for every stream of a file


def average_fps(stream: av.VideoStream) -> Fraction:
    """Return frames per second as OpenCV's CAP_PROP_FPS gives it: the average rate, else the best guess of FFmpeg.

    The guess also goes before an average that no frame was counted for. A guess that no camera has is skipped where
    there is another one. The result may still be absurd.
    """
    stated, guessed = stream.average_rate, stream.guessed_rate
    if stated and not (guessed and _is_default(stated, guessed, stream)):
        return stated
    if is_bare(stream.container) and guessed == stated:  # the guess stops at 60 fields
        guessed = stream.codec_context.framerate or guessed
    guesses = [rate for rate in (guessed, stream.base_rate, 1 / time_base(stream)) if rate]
    return next((rate for rate in guesses if 0 < rate <= MAX_FPS), guesses[0])


def _is_default(average: Fraction, guessed: Fraction, stream: av.VideoStream) -> bool:
    """Return whether an average rate is what FFmpeg assumes without looking at the frames.

    It assumes 25 for bare streams, which have no times, whatever rate they state. In DV it takes each tick for a frame;
    a frame may also be dropped at every second tick, as in some AVI files, so only a longer one shows the mistake.
    """
    return is_bare(stream.container) or (average * time_base(stream) == 1 and 2 * guessed < average)


def is_bare(container: Container) -> bool:
    """Return whether a file holds a codec's stream alone, in which nothing has a time."""
    return bool(container.format.flags & Flags.no_timestamps.value)


def require_fps(media: Media, stream: av.VideoStream, first: VideoFrame) -> Fraction:
    """Return the average rate; VideoError if no video can have it. first: the first frame."""
    rate = average_fps(stream)
    if first.interlaced_frame and rate == 2 * (stream.codec_context.framerate or 0):  # it counts fields
        rate /= 2
    if 0 < rate <= MAX_FPS:
        return rate
    stated = f"its header says {float(rate):g} frames per second"
    raise VideoError(f"{media.label}: {stated}, which no video has. Give the rate to use: --extraction_fps 25.")


def frame_units(stream: av.VideoStream) -> int:
    """Return one frame's usual duration in time base units; 0 where the header has a rate that no video can have."""
    rate = average_fps(stream)
    return nearest(*(1 / (rate * time_base(stream))).as_integer_ratio()) if 0 < rate <= MAX_FPS else 0
