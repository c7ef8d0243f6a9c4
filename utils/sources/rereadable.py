"""A list that is read several times during a run: a file, a pipe or an address."""

import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from utils.errors import FeatmillError, RunError, UserError
from utils.storage.temporary import copied
from utils.storage.urls import is_url, open_binary, redacted, resolve

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LARGEST = 64 << 30  # bytes of a list that is copied
BLOCK = 1 << 20


class Rereadable:
    """The bytes of a list. A local file stays open, so that every pass reads the same one; others are copied once.

    flag: that the user gave it with, for messages.
    """

    def __init__(self, path: str, flag: str) -> None:
        self._label = f"{flag} {redacted(path)}"
        self._file = self._opened(path)
        self._known = self._stamp()

    def _opened(self, path: str) -> BinaryIO:
        try:
            if is_url(path):
                filesystem, inside = resolve(path)
                return _copied(lambda: open_binary(filesystem, inside))
            if Path(path).is_file():
                return open(path, "rb")  # noqa: PTH123 - stays open while the run lasts
            return _copied(lambda: open(path, "rb"))  # noqa: PTH123 - as above
        except FileNotFoundError as error:
            raise UserError(f"{self._label}: no such file") from error
        except FeatmillError:
            raise
        except Exception as error:  # file systems raise errors of any type
            raise UserError(f"{self._label}: not readable ({redacted(str(error))})") from error

    def _stamp(self) -> tuple[int, int] | None:
        if isinstance(self._file, tempfile.SpooledTemporaryFile):
            return None
        stat = os.fstat(self._file.fileno())
        return stat.st_size, stat.st_mtime_ns

    def open(self) -> io.BufferedReader:
        """Return a new stream from the start.

        Raises:
            RunError: the file was changed since it was first read.
        """
        self.check()
        return io.BufferedReader(_Reader(self._file), BLOCK)

    def check(self) -> None:
        """Raise RunError if the list has changed since the run started."""
        if self._stamp() != self._known:
            raise RunError(f"{self._label}: was changed during the run; run the same command again to resume")


def _copied(source: Callable[[], BinaryIO]) -> BinaryIO:
    with source() as stream:
        return copied(stream.read, LARGEST)


class _Reader(io.RawIOBase):
    """One of several readers of one open file, all in the thread that hands out videos."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            offset += self._file.seek(0, io.SEEK_END)
        self._position = max(0, offset + (self._position if whence == io.SEEK_CUR else 0))
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        self._file.seek(self._position)
        data = self._file.read(len(view))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)
