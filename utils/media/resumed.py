"""The bytes of a source, read on from where they broke off: a passing error of a disk or a network is no damage."""

import io
import time
from collections.abc import Callable
from typing import BinaryIO, TypeVar

from utils.errors import UserError
from utils.media.input import OpenableMedia, is_seekable, skip

PAUSES_S = (0.2, 1.0, 4.0)  # before each further try, as long as no try succeeds
MOST_FAILURES = 1000  # of one file, whatever succeeds in between
PASSING_STATUSES = (408, 425, 429)  # of HTTP, among those that say the request is wrong

Result = TypeVar("Result")


class ResumedStream:
    """A stream that is opened again where reading fails; the last error of several tries is raised.

    size: in bytes; None where the source cannot seek, and so does not tell.
    """

    def __init__(self, source: OpenableMedia) -> None:
        self._source = source
        self._stream: BinaryIO | None = None
        self._position = 0
        self._n_failures = 0
        self.size: int | None = None
        self.size = self._retried(self._measured)

    @property
    def declared(self) -> int | None:
        """The size that a web server states of a file that it sends whole; None where it states none."""
        return getattr(getattr(self._stream, "r", None), "content_length", None)

    def _measured(self) -> int | None:
        self._stream = self._source.open()
        return _size(self._stream)

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`; none at the end."""
        return self._retried(lambda: self._read(size))

    def _read(self, size: int) -> bytes:
        stream = self._stream or self._opened_again()
        data = bytes(stream.read(size) or b"")
        if not data and size and self.size is not None and self._position < self.size:
            raise OSError(f"it ends at byte {self._position} of {self.size}")
        self._position += len(data)
        return data

    def _opened_again(self) -> BinaryIO:
        stream = self._stream = self._source.open()
        size = _size(stream)
        if size != self.size:
            raise ChangedError(f"its size changed from {self.size} to {size} bytes while it was read")
        if size is None:
            skip(stream, self._position)
        else:
            stream.seek(self._position)
        return stream

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position, and return it. Raises ValueError for one before the start."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size or 0}[whence]
        if base + offset < 0:
            raise ValueError("before the start")
        self._position = base + offset
        if self._stream is not None:
            self._stream.seek(self._position)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def close(self) -> None:
        """Close the stream."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _retried(self, act: Callable[[], Result]) -> Result:
        """Return what `act` returns, after as many tries as it takes. Raises the error of the last one."""
        for pause_s in PAUSES_S:
            try:
                return act()
            except Exception as error:  # file systems raise errors of any type
                self.close()
                self._n_failures += 1
                if is_lasting(error) or self._n_failures > MOST_FAILURES:
                    raise
            time.sleep(pause_s)
        return act()


class ChangedError(OSError):
    """The file is not the one that was opened first."""


def _size(stream: BinaryIO) -> int | None:
    if not is_seekable(stream):
        return None
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    return size


def is_lasting(error: BaseException) -> bool:
    """Return whether trying again at once is of no use: the file is not there, may not be read, or has changed."""
    if isinstance(error, FileNotFoundError) and isinstance(error.__cause__, Exception):
        return is_lasting(error.__cause__)  # fsspec raises it for whatever a web server answers
    status = getattr(error, "status", None)  # of aiohttp
    if isinstance(status, int):
        return 400 <= status < 500 and status not in PASSING_STATUSES
    kinds = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, ChangedError, UserError)
    return isinstance(error, kinds)
