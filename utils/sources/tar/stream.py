"""The bytes of a tar, from a local file or an address, compressed or not, to be read from start to end or by place."""

import gzip
import io
import os
from typing import Any, BinaryIO

from utils.sources.errors import read_errors
from utils.storage.urls import is_url, redacted, resolve, scheme

SKIPPED = 1 << 20  # bytes read at once where a stream has to be read past
REMOTE_BLOCK = 1 << 16  # bytes fetched at once from an address: a header, and the next one behind a small sidecar
BUFFER = 1 << 13
PIECE = 8 << 20  # bytes read at once, whatever a header claims


class Damaged(Exception):  # noqa: N818 - a finding, reported by whoever reads the tar
    """The tar breaks off, cannot be read on, or holds something else. byte: where."""

    def __init__(self, byte: int, reason: str) -> None:
        super().__init__(reason)
        self.byte = byte
        self.reason = reason


class TarStream:
    """An open tar.

    addressable: whether its members can be read by their place in the file. Not if it is compressed, or comes from a
    server that sends no parts of files.
    size: bytes of an addressable tar. position: where it is read next, in what it holds.
    """

    def __init__(self, path: str) -> None:
        """Raises one of read_errors(): it is not there or cannot be read. UserError: no package opens the address."""
        self._raw, seekable = _opened(path)
        try:
            is_local = isinstance(self._raw, io.RawIOBase)
            stream = io.BufferedReader(self._raw if is_local else _Adapter(self._raw), BUFFER)
            self._stream, compressed = _decompressed(stream)
            self.addressable = seekable and not compressed
            self.size = stream.seek(0, os.SEEK_END) if self.addressable else None
            if self.addressable:
                stream.seek(0)
        except BaseException:
            self._raw.close()
            raise
        self.position = 0

    def __enter__(self) -> "TarStream":
        return self

    def __exit__(self, *_: object) -> None:
        self._raw.close()

    def read(self, n_bytes: int) -> bytes:
        """Return that many bytes from here on, less only at the end. Raises Damaged if they cannot be read."""
        parts = []
        while n_bytes and (part := self._part(min(n_bytes, PIECE))):
            parts.append(part)
            n_bytes -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _part(self, n_bytes: int) -> bytes:
        try:
            part = self._stream.read(n_bytes)
        except read_errors() as error:
            raise Damaged(self.position, f"cannot be read ({_reason(error)})") from error
        self.position += len(part)
        return part

    def go_to(self, position: int) -> bool:
        """Go on at a later place; return False if it lies beyond the end."""
        if self.addressable:
            self._stream.seek(position)
            self.position = position
            return position <= self.size
        while self.position < position and self._part(min(SKIPPED, position - self.position)):
            pass
        return self.position == position


def _reason(error: Exception) -> str:
    return redacted(str(error).partition("\n")[0])[:300] or type(error).__name__


def _opened(path: str) -> tuple[Any, bool]:
    """Return the raw stream and whether it can be read by place."""
    if not is_url(path):
        if not os.path.isfile(path):  # noqa: PTH113 - without a following open of what never ends, such as a pipe
            raise FileNotFoundError(path) if not os.path.lexists(path) else OSError("is no file")
        return open(path, "rb", buffering=0), True  # noqa: PTH123
    filesystem, inside = resolve(path)
    if not scheme(path).startswith("http"):
        return filesystem.open(inside, "rb", block_size=REMOTE_BLOCK), True
    file = filesystem.open(inside, "rb", block_size=REMOTE_BLOCK)
    try:
        if file.seekable() and file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            file.read(1)  # a server that sends no parts of files says so now
            file.seek(0)
            return file, True
    except (ValueError, OSError):
        pass  # then it is read as a stream, where an error that stays is reported
    file.close()
    return filesystem.open(inside, "rb", block_size=0), False


def _decompressed(stream: io.BufferedReader) -> tuple[BinaryIO, bool]:
    """Return what a tar's stream holds, and whether that is compressed."""
    head = stream.peek(6)[:6]
    if head.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=stream), True
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        import pyarrow

        return pyarrow.CompressedInputStream(pyarrow.PythonFile(stream, "r"), "zstd"), True
    if head.startswith((b"BZh", b"\xfd7zXZ")):
        raise OSError("compressed as bz2 or xz, which is too slow for videos; repack it as .tar")
    return stream, False


class _Adapter(io.RawIOBase):
    """Any stream with read(n) as a raw one of Python's: each read fills the buffer unless the end is reached."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        n_bytes = 0
        while n_bytes < len(buffer) and (data := self._stream.read(len(buffer) - n_bytes)):
            buffer[n_bytes : n_bytes + len(data)] = data
            n_bytes += len(data)
        return n_bytes
