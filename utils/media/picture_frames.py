"""The frames of a folder of pictures or of an array, as `SourceFrames` gives those of a video file."""

import io
from array import array
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame
from PIL import Image, ImageOps

from utils.errors import VideoError
from utils.media.crop import Crop
from utils.media.frame_folder import FrameFolder, frame_folder
from utils.media.frame_rate import parse_fps
from utils.media.input import FrameArray, LocalFile, MediaSource
from utils.media.limits import Limits
from utils.media.reader import describe_failure
from utils.media.report import VideoReport
from utils.media.resumed import ResumedStream
from utils.media.segment import Segment

PICTURE_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "PPM")
DAMAGE = (OSError, SyntaxError, ValueError, EOFError)  # what Pillow raises for damaged pictures
READ_BYTES = 1 << 20
BYTES_PER_PIXEL = 8  # of the largest formats, without compression
HEADER_BYTES = 1 << 20


class PictureFrames:
    """Iterates once over (frame, time since the first picture in time base units, which are frames).

    The pixels are those of cv2.imread, which other tools read frames with: EXIF orientation is applied, transparency
    dropped, 16 bits cut to 8. A picture that is missing or does not decode is left out, and `report` says so; the
    others keep their times.

    times: of the pictures that are there, in the segment and within the limits, int64 [pictures].
    """

    def __init__(self, folder: FrameFolder, label: str, segment: Segment, limits: Limits) -> None:
        segment.check(label)
        self.label = label
        self.crop = Crop()
        self.report = VideoReport()
        self.time_base = 1 / parse_fps(limits.frames_fps)
        self._folder = folder
        self._limits = limits
        self._n_damaged = 0  # pictures
        first, last = segment.units(self.time_base)
        first = max(0, first or 0)
        self.limit = limits.end(self.time_base, first)
        times = np.frombuffer(folder.numbers, np.int64) - folder.numbers[0]
        times = times[(times >= first) & ((times < last) if last is not None else True)]
        self.times = times[times < self.limit]
        self._is_cut = len(self.times) < len(times)
        if not len(self.times):
            length_s = (folder.numbers[-1] - folder.numbers[0] + 1) / self.fps()
            raise segment.without_frames(label, float(length_s))
        self.end = self.limit if self._is_cut else int(self.times[-1]) + 1  # of the last frame, in time base units
        self._declare(segment)

    def _declare(self, segment: Segment) -> None:
        """Report how many pictures there should be, and what is already known to be missing."""
        declared = int(self.times[-1] - self.times[0]) + 1
        if segment.is_whole:
            self.report.declared = declared
        if missing := declared - len(self.times):
            self.report.damage(f"{missing} pictures are missing between the first and the last")
        if self._is_cut:
            self.note_cut_off()

    @property
    def length_s(self) -> float:
        """When the last picture ends, in seconds."""
        return float(self.end * self.time_base)

    def fps(self, _first: VideoFrame | None = None) -> Fraction:
        """Return the frames per second."""
        return 1 / self.time_base

    def close(self) -> None:
        """Do nothing: each picture is closed once it is read."""

    def __iter__(self) -> Iterator[tuple[VideoFrame, int]]:
        """Yield the frames of the segment, then complete the report."""
        report = self.report
        for time in self.times.tolist():
            pixels = self.picture(self._folder.numbers[0] + time)
            if pixels is None:
                self._n_damaged += 1
                continue
            report.decoded += 1
            yield VideoFrame.from_ndarray(pixels, format="rgb24"), time
        self.report_damaged()
        if not report.decoded:
            raise VideoError(f"{self.label}: not one of its pictures decodes. Get them again.")

    def report_damaged(self) -> None:
        """Report how many of the pictures so far do not decode."""
        if self._n_damaged:
            self.report.damage(f"{self._n_damaged} pictures do not decode")

    def note_cut_off(self) -> None:
        """Report that the video is longer than allowed."""
        self.report.damage(self._limits.cut_off)

    def picture(self, number: int) -> np.ndarray | None:
        """Return the pixels of a picture, uint8 [H, W, 3] RGB, upright; None where it does not decode."""
        path = self._folder.path(number)
        data = self._read(path)
        try:
            with Image.open(io.BytesIO(data), formats=PICTURE_FORMATS) as picture:
                if picture.width * picture.height > self._limits.max_pixels:
                    raise _too_large(path, f"{picture.width}x{picture.height} pixels")
                ImageOps.exif_transpose(picture, in_place=True)
                return np.ascontiguousarray(_rgb(picture))
        except Image.DecompressionBombError as error:
            raise _too_large(path, "far more pixels") from error
        except DAMAGE:
            return None

    def _read(self, path: str) -> bytes:
        """Return the bytes of a file. VideoError if they cannot be read, which says nothing about what is in them."""
        most = BYTES_PER_PIXEL * self._limits.max_pixels + HEADER_BYTES
        try:
            if not Path(path).is_file():
                raise VideoError(f"{path}: not a regular file. Put a picture in its place, or remove it.")
            if (size := Path(path).stat().st_size) > most:
                raise _too_large(path, f"{size} bytes")
            stream = ResumedStream(LocalFile(path))
            try:
                return b"".join(iter(lambda: stream.read(READ_BYTES), b""))
            finally:
                stream.close()
        except OSError as error:
            raise VideoError(f"{path}: {describe_failure(error, is_local=True)}") from error


class ArrayFrames(PictureFrames):
    """The frames of a `FrameArray`, one after the other."""

    def __init__(self, source: FrameArray, segment: Segment, limits: Limits) -> None:
        self._array = source.pixels
        numbers = FrameFolder("", "", "", numbers=array("q", range(len(source.pixels))))
        super().__init__(numbers, source.label, segment, replace(limits, frames_fps=source.fps))

    def picture(self, number: int) -> np.ndarray | None:
        """Return a frame, uint8 [H, W, 3]."""
        return np.ascontiguousarray(self._array[number])


def open_pictures(source: MediaSource, segment: Segment, limits: Limits) -> PictureFrames | None:
    """Return the frames of an array, or of a folder of pictures; None for any other source.

    Raises:
        VideoError: a folder without numbered pictures, or no frame is in the segment.
    """
    if isinstance(source, FrameArray):
        return ArrayFrames(source, segment, limits)
    folder = frame_folder(source)
    return None if folder is None else PictureFrames(folder, str(source), segment, limits)


def _too_large(path: str, has: str) -> VideoError:
    return VideoError(f"{path}: it has {has}, more than --max_pixels allows. Raise --max_pixels if that is right.")


def _rgb(picture: Image.Image) -> np.ndarray:
    """Return the pixels of a picture, uint8 [H, W, 3]."""
    if picture.mode.startswith("I"):  # 16 bits of grey
        grey = (np.asarray(picture) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    return np.asarray(picture.convert("RGB"))
