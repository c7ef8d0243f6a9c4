"""Opening a media file: only the file at hand is read; every failure is a VideoError with its cause and a remedy."""

import os
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition, Stream

from utils.errors import VideoError

# The demuxers that may read a file. All of them read that file alone. Left out on purpose: playlists and manifests
# that name other files or addresses (hls, dash, concat, sdp, imf, ...), numbered pictures (image2), capture devices.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,live_flv,mpegts,mpeg,mpegvideo,asf,asf_o,ogg,gif,apng,mxf,nut,ivf,rm,wtv,"
    "dv,nsv,yuv4mpegpipe,h264,hevc,vvc,obu,m4v,vc1,mjpeg,h263,wav,w64,aiff,au,caf,flac,mp3,aac,ac3,eac3,dts,dtshd,truehd,mlp,"
    "amr,amrnb,amrwb,ape,tta,tak,wv,mpc,mpc8,oma,voc,dsf,loas"
)

PLAYLIST_MARKS = (b"#EXTM3U", b"ffconcat", b"<MPD", b"v=0", b"file ", b"[playlist]", b"<SmoothStreamingMedia")


def open_media(path: str | os.PathLike[str]) -> InputContainer:
    """Return the opened file. Nothing else is opened on its behalf: no playlist, no reference, no address.

    The path is always a local file's name, also when it looks like an address or an option.
    Raises VideoError when the file is missing, empty, no media, or cut off before its index.
    """
    file = Path(path)
    _refuse_non_files(file, path)
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    try:
        # An absolute path cannot be taken for "http:...", "concat:..." or any other protocol.
        return av.open(str(file.absolute()), "r", options=options, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise VideoError(f"{path}: cannot be opened as media: {_cause(file, error)}") from error


def _refuse_non_files(file: Path, path: str | os.PathLike[str]) -> None:
    """Raise VideoError unless `file` is a regular file that holds something."""
    try:
        if not file.exists():
            raise VideoError(f"{path}: no such file. Check the path, or remove it from the list of videos.")
        if not file.is_file():
            raise VideoError(f"{path}: not a regular file. Give the path of a video or audio file.")
        if file.stat().st_size == 0:
            raise VideoError(f"{path}: the file is empty (0 bytes). Download or copy it again.")
    except (OSError, ValueError) as error:
        raise VideoError(f"{path}: cannot be read ({error}). Check the path and its permissions.") from error


def _cause(file: Path, error: Exception) -> str:
    """Say in a few words why FFmpeg refused the file, and what to do."""
    if isinstance(error, PermissionError):
        return "permission denied. Make the file readable."
    try:
        with file.open("rb") as stream:
            head = stream.read(512)
    except OSError as failure:
        return f"{failure}. Make the file readable."
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(PLAYLIST_MARKS) or b"<MPD" in head:
        return "it is a playlist, which names other files. Give those files themselves."
    if head[4:8] in (b"ftyp", b"mdat", b"moov", b"free", b"wide"):
        return "its index (moov box) is missing or damaged: cut off, or never finished. Get the whole file again."
    if _is_text(head):
        return "it holds text. Check what was saved under this name."
    return f"no known video or audio format in it ({reason(error)}). Get the file again, or convert it."


def _is_text(head: bytes) -> bool:
    """Return whether these bytes read as text (a cut multi-byte character at the end is no objection)."""
    text = head.decode("utf-8", errors="ignore")
    return len(text.encode()) > len(head) - 4 and all(c.isprintable() or c in "\r\n\t" for c in text)


def reason(error: Exception) -> str:
    """Return FFmpeg's own words for an error, without numbers and file names, to be put into a sentence."""
    text = getattr(error, "strerror", None) or str(error)
    return text[:1].lower() + text[1:]


def describe(container: InputContainer) -> str:
    """Return what the file holds, e.g. "video h264, audio aac"; "no streams" where there are none."""
    names = []
    for stream in container.streams:
        codec = stream.codec_context.codec.canonical_name if stream.codec_context else "of an unknown codec"
        cover = " (a cover picture)" if is_cover(stream) else ""
        names.append(f"{stream.type} {codec}{cover}")
    return ", ".join(names) or "no streams"


def is_cover(stream: Stream) -> bool:
    """Return whether a stream is a still picture attached to a song or a film, which is no video."""
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))


def video_stream(container: InputContainer) -> Stream | None:
    """Return the first video stream that is not a cover picture and has a decoder (OpenCV's choice), else None."""
    return next((s for s in container.streams.video if s.codec_context and not is_cover(s)), None)


def audio_stream(container: InputContainer) -> Stream | None:
    """Return the audio stream that the ffmpeg command would take: the default one, then the one of most channels."""
    streams = [s for s in container.streams.audio if s.codec_context]
    return max(streams, key=lambda s: (bool(s.disposition & Disposition.default), s.channels), default=None)


def require_video(container: InputContainer, path: str | os.PathLike[str]) -> Stream:
    """Return the video stream; VideoError where there is none."""
    stream = video_stream(container)
    if stream is None:
        held = describe(container)
        raise VideoError(f"{path}: no video stream (it holds: {held}). For sound use --feature_type vggish.")
    return stream


def require_audio(container: InputContainer, path: str | os.PathLike[str]) -> Stream:
    """Return the audio stream; VideoError where there is none."""
    stream = audio_stream(container)
    if stream is None:
        held = describe(container)
        remedy = "For pictures use a video feature type such as i3d."
        raise VideoError(f"{path}: no audio stream (it holds: {held}). {remedy}")
    return stream


def average_fps(stream: Stream) -> Fraction:
    """Return frames per second as CAP_PROP_FPS gives it: the average rate, or the nearest thing the file states."""
    return stream.average_rate or stream.guessed_rate or stream.base_rate or 1 / stream.time_base
