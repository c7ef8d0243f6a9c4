"""The bytes of a tar, local or at an address, compressed or not, read from start to end or by position."""

import gzip
import io
import os
from typing import TYPE_CHECKING, BinaryIO, Protocol

from utils.sources.errors import message_of, read_errors
from utils.storage.urls import is_url, open_binary, resolve, scheme

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SKIPPED = 1 << 20  # bytes read at once to skip data in a stream
REMOTE_BLOCK = 1 << 16  # bytes fetched at once from an address: a header, and the next one after a small sidecar
BUFFER = 1 << 13
MOST_AT_ONCE = 8 << 20  # bytes, whatever a header claims


class DamagedTarError(Exception):
    """The tar is cut off, cannot be read further, or is not a tar. byte: where."""

    def __init__(self, byte: int, reason: str) -> None:
        super().__init__(reason)
        self.byte = byte
        self.reason = reason


class Readable(Protocol):
    """A stream that can seek if the tar is not compressed."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes."""
        ...

    def seek(self, offset: int, /) -> int:
        """Go to a position."""
        ...


class TarStream:
    """An open tar.

    addressable: whether its members can be read by their position in the file: not if it is compressed, or on a server
        that does not send ranges of files.
    size: bytes of an addressable tar, else None.
    position: of the next read, in the uncompressed content.
    """

    def __init__(self, path: str) -> None:
        """Raises one of read_errors(): it is missing or cannot be read. UserError: no package opens the address."""
        self._raw, seekable = _opened(path)
        try:
            raw = self._raw if isinstance(self._raw, io.RawIOBase) else _Adapter(self._raw)
            stream: io.BufferedReader = io.BufferedReader(raw, BUFFER)
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
        """Return the next bytes, fewer only at the end. Raises DamagedTarError if they cannot be read."""
        parts = []
        while n_bytes and (part := self._part(min(n_bytes, MOST_AT_ONCE))):
            parts.append(part)
            n_bytes -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _part(self, n_bytes: int) -> bytes:
        try:
            part = self._stream.read(n_bytes)
        except read_errors() as error:
            raise DamagedTarError(self.position, f"cannot be read ({message_of(error)})") from error
        self.position += len(part)
        return part

    def go_to(self, position: int) -> bool:
        """Move forward to a position; return False if it is past the end."""
        if self.size is not None:
            self._stream.seek(position)
            self.position = position
            return position <= self.size
        while self.position < position and self._part(min(SKIPPED, position - self.position)):
            pass
        return self.position == position


def _opened(path: str) -> tuple[BinaryIO | io.RawIOBase, bool]:
    """Return the raw stream, and whether it can be read by position."""
    if not is_url(path):
        if not os.path.isfile(path):  # noqa: PTH113 - opening a pipe would wait forever
            raise FileNotFoundError(path) if not os.path.lexists(path) else OSError("not a regular file")
        return open(path, "rb", buffering=0), True  # noqa: PTH123 - as above: a str
    filesystem, inside = resolve(path)
    if not scheme(path).startswith("http"):
        return open_binary(filesystem, inside, block_size=REMOTE_BLOCK), True
    file = open_binary(filesystem, inside, block_size=REMOTE_BLOCK)
    try:
        if file.seekable() and file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            file.read(1)  # fails on a server that does not send ranges
            file.seek(0)
            return file, True
    except (ValueError, OSError):
        pass  # it is read as a stream, where a lasting error is reported
    file.close()
    return open_binary(filesystem, inside, block_size=0), False


def _decompressed(stream: io.BufferedReader) -> tuple[Readable, bool]:
    """Return a stream of the tar itself, and whether it was compressed."""
    head = stream.peek(6)[:6]
    if head.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=stream), True
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        import pyarrow

        return pyarrow.CompressedInputStream(pyarrow.PythonFile(stream, "r"), "zstd"), True
    if head.startswith((b"BZh", b"\xfd7zXZ")):
        raise OSError("it is compressed as bz2 or xz, which is too slow for videos; repack it as .tar")
    return stream, False


class _Adapter(io.RawIOBase):
    """Any stream as a raw one, for a BufferedReader: each read fills the buffer, except at the end."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view, n_bytes = memoryview(buffer), 0
        while n_bytes < len(view) and (data := self._stream.read(len(view) - n_bytes)):
            view[n_bytes : n_bytes + len(data)] = data
            n_bytes += len(data)
        return n_bytes
