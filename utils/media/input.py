"""What media can be read from: a local path, an address, a range of a larger file, bytes or frames in memory."""

import io
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

import numpy as np

from utils.storage.urls import is_url, open_binary, resolve, scheme

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class OpenableMedia(Protocol):
    """Media that is not a local file. str() of it is what messages call it, without credentials."""

    def open(self) -> BinaryIO:
        """Return a new seekable stream of its bytes.

        Raises:
            OSError: it does not exist, or cannot be read.
        """
        ...


MediaSource = str | os.PathLike[str] | OpenableMedia  # a str is always a local path


@dataclass(frozen=True)
class LocalFile:
    """A file of this machine."""

    path: str | os.PathLike[str]

    def __str__(self) -> str:
        return str(self.path)

    def open(self) -> BinaryIO:
        """Return a stream of its bytes, unbuffered: FFmpeg has a buffer."""
        return cast(BinaryIO, open(self.path, "rb", buffering=0))  # noqa: PTH123 - a str or a Path


@dataclass(frozen=True)
class UrlFile:
    """A file at an address that fsspec opens."""

    url: str = field(repr=False)
    label: str

    def __str__(self) -> str:
        return self.label

    def open(self) -> BinaryIO:
        """Return a stream that fetches what is read; it cannot seek if a server sends whole files only."""
        filesystem, path = resolve(self.url)
        stream = open_binary(filesystem, path)
        if scheme(self.url) in ("http", "https") and not _reads_ranges(stream):
            stream.close()
            stream = open_binary(filesystem, path, block_size=0)
        return stream


@dataclass(frozen=True)
class FileRange:
    """`size` bytes from `offset` on of a local file or of an address: a member of a tar."""

    path: str = field(repr=False)
    offset: int
    size: int
    label: str

    def __str__(self) -> str:
        return self.label

    def open(self) -> BinaryIO:
        """Return a stream of these bytes alone."""
        whole = UrlFile(self.path, self.label).open() if is_url(self.path) else open(self.path, "rb")  # noqa: SIM115, PTH123 - the stream that is returned closes it
        return io.BufferedReader(_RangeStream(whole, self.offset, self.size), 1 << 18)


@dataclass(frozen=True)
class BytesFile:
    """A file in memory."""

    data: bytes = field(repr=False)
    label: str

    def __str__(self) -> str:
        return self.label

    def open(self) -> BinaryIO:
        """Return a stream of the bytes."""
        return io.BytesIO(self.data)


@dataclass(frozen=True, eq=False)
class FrameArray:
    """The frames of a video in memory. pixels: uint8 [n, H, W, 3], RGB, upright. fps: frames per second."""

    pixels: np.ndarray = field(repr=False)
    fps: float
    label: str = "frames"

    def __str__(self) -> str:
        return self.label

    def open(self) -> BinaryIO:
        """Raise FileNotFoundError: there is no file."""
        raise FileNotFoundError(f"{self} is an array")


def open_here(source: MediaSource) -> BinaryIO | None:
    """Return a stream of the bytes of a source on this machine; None for an address, where each look is a request."""
    if isinstance(source, str | os.PathLike):
        return open(source, "rb")  # noqa: PTH123 - a str or a Path
    if isinstance(source, UrlFile | FrameArray) or (isinstance(source, FileRange) and is_url(source.path)):
        return None
    return source.open()


def local_path(source: MediaSource) -> str | os.PathLike[str] | None:
    """Return the file on this machine that a source is, or is a part of; None for addresses and bytes in memory."""
    if isinstance(source, FileRange):
        return None if is_url(source.path) else source.path
    return source if isinstance(source, str | os.PathLike) else None


def is_seekable(stream: BinaryIO) -> bool:
    """Return whether a stream can go to its end and back, whatever its `seekable` says."""
    try:
        stream.seek(0, io.SEEK_END)
        stream.seek(0)
    except (OSError, ValueError, NotImplementedError):
        return False
    return True


def skip(stream: BinaryIO, n_bytes: int) -> None:
    """Read bytes and drop them."""
    while n_bytes > 0 and (data := stream.read(min(n_bytes, 1 << 18))):
        n_bytes -= len(data)


def _reads_ranges(stream: BinaryIO) -> bool:
    """Return whether an HTTP server sends ranges of a file. Many do not say; asking for the last byte shows it."""
    try:
        stream.seek(-1, io.SEEK_END)
        last = stream.read(1)
        stream.seek(0)
    except ValueError:  # by fsspec, of a server that sends the whole file
        return False
    return len(last) == 1


class _RangeStream(io.RawIOBase):
    """A range of a stream; it can seek if the stream can."""

    def __init__(self, whole: BinaryIO, offset: int, size: int) -> None:
        self._whole = whole
        self._offset = offset
        self._size = size
        self._position = 0
        self._can_seek = is_seekable(whole)
        if not self._can_seek:
            skip(whole, offset)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._can_seek

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if not self._can_seek:
            raise io.UnsupportedOperation("the underlying stream cannot seek")
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        n_bytes = min(len(view), self._size - self._position)
        if n_bytes <= 0:
            return 0
        if self._can_seek:
            self._whole.seek(self._offset + self._position)
        data = self._whole.read(n_bytes)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._whole.close()
        super().close()
