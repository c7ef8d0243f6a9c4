"""A list that is read several times during a run, be it a file, a pipe or at an address."""

import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from utils.errors import FeatmillError, RunError, UserError
from utils.storage.urls import is_url, redacted, resolve

IN_MEMORY = 16 << 20  # bytes of a copy that are kept in memory, the rest goes to a temporary file without a name
BLOCK = 1 << 20


class Rereadable:
    """The bytes of a list. A local file stays open, so that it is the same one however often it is read; a pipe or an
    address is copied once.

    flag: what the user gave it by, for messages.
    """

    def __init__(self, path: str, flag: str) -> None:
        self._shown = f"{flag} {redacted(path)}"
        self._file = self._opened(path)
        self._known = self._stamp()

    def _opened(self, path: str) -> BinaryIO:
        try:
            if is_url(path):
                filesystem, inside = resolve(path)
                return _copied(lambda: filesystem.open(inside, "rb"))
            if Path(path).is_file():
                return open(path, "rb")  # noqa: PTH123 - open while the run lasts
            return _copied(lambda: open(path, "rb"))  # noqa: PTH123
        except FileNotFoundError as error:
            raise UserError(f"{self._shown}: no such file") from error
        except FeatmillError:
            raise
        except Exception as error:  # each file system raises errors of its own
            raise UserError(f"{self._shown}: not readable ({redacted(str(error))})") from error

    def _stamp(self) -> tuple[int, int] | None:
        if isinstance(self._file, tempfile.SpooledTemporaryFile):
            return None
        stat = os.fstat(self._file.fileno())
        return stat.st_size, stat.st_mtime_ns

    def open(self) -> BinaryIO:
        """Return a stream from the start, with a place of its own.

        Raises:
            RunError: the file was changed since it was read first.
        """
        self.check()
        return io.BufferedReader(_Reader(self._file), BLOCK)

    def check(self) -> None:
        """Raise RunError if the list is not what it was when the run started."""
        if self._stamp() != self._known:
            raise RunError(f"{self._shown}: was changed during the run; run the same command again to resume")


def _copied(source: Callable[[], BinaryIO]) -> BinaryIO:
    copy = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - open while the run lasts
    with source() as stream:
        while block := stream.read(BLOCK):
            copy.write(block)
    return copy


class _Reader(io.RawIOBase):
    """One of several readers of one open file, which all live in the thread that hands out videos."""

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

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._file.seek(self._position)
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
