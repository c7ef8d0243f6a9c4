"""Opening a media file: no other file is read on its behalf; every failure is a VideoError with cause and remedy."""

import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import av
from av.container import Container, InputContainer
from av.error import FFmpegError
from av.format import Flags
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame

from utils.errors import VideoError
from utils.media.frame_rate import nearest
from utils.media.input import MediaSource
from utils.media.limits import DEFAULT_LIMITS, MAX_FPS, Limits
from utils.media.reader import Reader, open_reader
from utils.storage.urls import redacted

# The demuxers that may read a file. All of them read that file alone. Left out on purpose: playlists and manifests
# that name other files or addresses (hls, dash, concat, sdp, imf, ...), numbered images (image2), capture devices.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,live_flv,mpegts,mpeg,mpegvideo,asf,asf_o,ogg,gif,apng,mxf,nut,ivf,rm,wtv,"
    "dv,nsv,yuv4mpegpipe,h264,hevc,vvc,obu,m4v,vc1,mjpeg,h263,wav,w64,aiff,au,caf,flac,mp3,aac,ac3,eac3,dts,dtshd,truehd,mlp,"
    "amr,amrnb,amrwb,ape,tta,tak,wv,mpc,mpc8,oma,voc,dsf,loas"
)

HEAD_BYTES = 512  # read to say what a file is that FFmpeg refuses
READ_BYTES = 1 << 18  # read from a stream at once
PLAYLIST_MARKS = (b"#EXTM3U", b"ffconcat", b"<MPD", b"v=0", b"file ", b"[playlist]", b"<SmoothStreamingMedia")


class Media:
    """An opened media file; a context manager. Closing it closes the stream of bytes that it is read from, if any."""

    def __init__(
        self, source: MediaSource, container: InputContainer, label: str, reader: Reader | None = None
    ) -> None:
        self.source = source
        self.container = container
        self.label = label  # what messages call it
        self.from_start = True  # nothing was sought
        self._reader = reader

    @property
    def failure(self) -> str:
        """What went wrong on reading bytes, and the remedy; empty if nothing did. FFmpeg takes it for the end."""
        return self._reader.failure if self._reader else ""

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
        if self._reader:
            self._reader.close()


def open_media(source: MediaSource, limits: Limits = DEFAULT_LIMITS, *, decoders: bool = True) -> Media:
    """Return the opened file. Nothing else is opened on its behalf: no playlist entry, no reference, no address.

    A str is always the name of a local file, even if it looks like an address or an option.
    decoders: whether FFmpeg may decode the first frames to learn what the header does not say.

    Raises:
        VideoError: the file is missing, empty, not media, or cut off before its index.
    """
    options = {"format_whitelist": FORMATS}
    options |= limits.decoder_options if decoders else {"codec_whitelist": "none"}
    if isinstance(source, str | os.PathLike):
        return _open_file(source, options)
    label, reader = redacted(str(source)), open_reader(source)
    try:
        container = _open(reader, options | {"protocol_whitelist": "none"})
    except (FFmpegError, ValueError) as error:
        reader.seek(0)
        cause = reader.failure or _cause(reader.read(HEAD_BYTES), error)
        reader.close()
        raise VideoError(f"{label}: cannot be opened as media: {cause}") from error
    except BaseException:
        reader.close()
        raise
    return Media(source, container, label, reader)


def _open(file: str | Reader, options: dict[str, str]) -> InputContainer:
    return av.open(file, "r", options=options, metadata_errors="replace", buffer_size=READ_BYTES)


def _open_file(path: str | os.PathLike[str], options: dict[str, str]) -> Media:
    """Return the opened local file."""
    file, label = Path(path), str(path)
    _refuse_non_files(file, label)
    try:
        # An absolute path cannot be taken for "http:...", "concat:..." or any other protocol.
        return Media(path, _open(str(file.absolute()), options | {"protocol_whitelist": "file"}), label)
    except PermissionError as error:
        raise VideoError(f"{label}: cannot be opened as media: permission denied. Make the file readable.") from error
    except (FFmpegError, ValueError) as error:
        try:
            with file.open("rb") as stream:
                head = stream.read(HEAD_BYTES)
        except OSError as failure:
            raise VideoError(f"{label}: cannot be opened as media: {failure}. Make the file readable.") from error
        raise VideoError(f"{label}: cannot be opened as media: {_cause(head, error)}") from error


def _refuse_non_files(file: Path, path: str) -> None:
    """Raise VideoError unless `file` is a regular file and not empty."""
    try:
        if not file.exists():
            raise VideoError(f"{path}: no such file. Check the path, or remove it from the list of videos.")
        if not file.is_file():
            raise VideoError(f"{path}: not a regular file. Give the path of a video or audio file.")
        if file.stat().st_size == 0:
            raise VideoError(f"{path}: the file is empty (0 bytes). Download or copy it again.")
    except (OSError, ValueError) as error:
        raise VideoError(f"{path}: cannot be read ({error}). Check the path and its permissions.") from error


def _cause(head: bytes, error: Exception) -> str:
    """Say in a few words why FFmpeg refused a file that starts with `head`, and what to do."""
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(PLAYLIST_MARKS) or b"<MPD" in head:
        return "it is a playlist, which names other files. Give those files instead."
    if head[4:8] in (b"ftyp", b"mdat", b"moov", b"free", b"wide"):
        return "its index (moov box) is missing or damaged: cut off, or never finished. Get the whole file again."
    if _is_text(head):
        return "it is a text file. Check what was saved under this name."
    return f"not a known video or audio format ({ffmpeg_reason(error)}). Get the file again, or convert it."


def _is_text(head: bytes) -> bool:
    """Return whether these bytes are text; a multi-byte character may be cut off at the end."""
    text = head.decode("utf-8", errors="ignore")
    return len(text.encode()) > len(head) - 4 and all(c.isprintable() or c in "\r\n\t" for c in text)


def ffmpeg_reason(error: Exception) -> str:
    """Return FFmpeg's own words for an error, without numbers and file names, as part of a sentence."""
    text = getattr(error, "strerror", None) or str(error)
    return text[:1].lower() + text[1:]


def describe_streams(container: InputContainer) -> str:
    """Return what the file contains, such as "video h264, audio aac"; "no streams" where there are none."""
    names = []
    for stream in container.streams:
        codec = stream.codec_context.codec.canonical_name if stream.codec_context else "of an unknown codec"
        cover = " (cover art)" if is_cover(stream) else ""
        names.append(f"{stream.type} {codec}{cover}")
    return ", ".join(names) or "no streams"


def is_cover(stream: Stream) -> bool:
    """Return whether a stream is cover art or thumbnails of a song or a film, and not a video."""
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))


def video_stream(container: InputContainer) -> av.VideoStream | None:
    """Return the first video stream that is not cover art and has a decoder (OpenCV's choice), else None."""
    return next((s for s in container.streams.video if s.codec_context and not is_cover(s)), None)


def audio_stream(container: InputContainer) -> av.AudioStream | None:
    """Return the audio stream that the ffmpeg command picks: the default one, else the one with most channels."""
    streams = [s for s in container.streams.audio if s.codec_context]
    return max(streams, key=lambda s: (bool(s.disposition & Disposition.default), s.channels), default=None)


def require_video(media: Media) -> av.VideoStream:
    """Return the video stream; VideoError where there is none."""
    stream = video_stream(media.container)
    if stream is None:
        found = describe_streams(media.container)
        raise VideoError(f"{media.label}: no video stream (it has: {found}). For audio use --feature_type vggish.")
    return stream


def require_audio(media: Media) -> av.AudioStream:
    """Return the audio stream; VideoError where there is none."""
    stream = audio_stream(media.container)
    if stream is None:
        found = describe_streams(media.container)
        remedy = "For frames use a video feature type such as i3d."
        raise VideoError(f"{media.label}: no audio stream (it has: {found}). {remedy}")
    return stream


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
