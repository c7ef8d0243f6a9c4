"""Any source of bytes (a file, an address, a tar member, memory) as FFmpeg reads it, with no error lost on the way."""

import io
import re
from pathlib import PurePosixPath
from typing import Protocol

from utils.errors import UserError, VideoError
from utils.media.input import LocalFile, OpenableMedia, UrlFile
from utils.media.resumed import ResumedStream
from utils.storage.temporary import NoRoomError, TooLargeError, check_room, copied
from utils.storage.urls import base_name, redacted

SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")
TEXT_MAX = 200  # characters of a library's error message
REMEDY = "Check the address and the connection, then run the same command again."
LOCAL_REMEDY = "Check the disk or the mount, then run the same command again."


class Seekable(Protocol):
    """The part of a stream that a reader needs, as in io.BufferedIOBase."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes."""
        ...

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a position, and return it."""
        ...

    def tell(self) -> int:
        """Return the position."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class Reader:
    """A stream as FFmpeg reads it. An error ends the stream, and `failure` says which one it was.

    `read` raises nothing: depending on where it is, FFmpeg takes an exception for the end of the file or ignores it.
    """

    def __init__(self, stream: Seekable, name: str, is_local: bool) -> None:
        self._stream = stream
        self._is_local = is_local
        self.name = name  # FFmpeg's guess at the format looks at the suffix
        self.failure = ""

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`; none at the end, and after an error."""
        if self.failure:
            return b""
        try:
            data = bytes(self._stream.read(size) or b"")
        except Exception as error:  # file systems raise errors of any type
            self.failure = describe_failure(error, self._is_local)
            return b""
        if len(data) > size:  # FFmpeg's buffer holds no more
            self.failure = "the source returns more bytes than asked for"
            return b""
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position, and return it; -1 where that is impossible."""
        try:
            return self._stream.seek(offset, whence)
        except ValueError:  # before the start, as a damaged header may ask
            return -1
        except Exception as error:
            self.failure = self.failure or describe_failure(error, self._is_local)
            return -1

    def tell(self) -> int:
        """Return the position."""
        return self._stream.tell()

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()


def open_reader(source: OpenableMedia, max_bytes: int) -> Reader:
    """Return the opened source. A stream that cannot seek is copied to a temporary file first.

    max_bytes: of a file at an address. A larger one is refused, or its copying given up.

    Raises:
        VideoError: it cannot be opened, or is empty.
    """
    label, is_local = redacted(str(source)), isinstance(source, LocalFile)
    try:
        resumed = ResumedStream(source)
    except UserError as error:  # its message names the address and the remedy
        raise VideoError(redacted(str(error))) from error
    except Exception as error:  # file systems raise errors of any type
        raise VideoError(f"{label}: {describe_failure(error, is_local)}") from error
    try:
        stream = _seekable(resumed, max_bytes, isinstance(source, UrlFile))
        size = stream.seek(0, io.SEEK_END)
        stream.seek(0)
    except Exception as error:
        resumed.close()
        raise VideoError(f"{label}: {describe_failure(error, is_local)}") from error
    if size == 0:
        stream.close()
        raise VideoError(f"{label}: the file is empty (0 bytes). Download or copy it again.")
    suffix = SUFFIX.fullmatch(PurePosixPath(base_name(label)).suffix)
    return Reader(stream, f"media{suffix.group() if suffix else ''}", is_local)


def _seekable(resumed: ResumedStream, max_bytes: int, is_remote: bool) -> Seekable:
    """Return the stream, or a copy that can seek. Raises OSError: it is too large, or there is no room for a copy."""
    size = resumed.declared if resumed.size is None else resumed.size
    if is_remote and size is not None and size > max_bytes:
        raise TooLargeError(f"it has {size:,} bytes")
    if resumed.size is not None:
        return resumed
    check_room(size or 0)
    copy = copied(resumed.read, max_bytes)
    resumed.close()
    return copy


def describe_failure(error: Exception, is_local: bool = False) -> str:
    """Return what a read error means and what to do, on one line and without credentials."""
    text = redacted(" ".join(str(error).split()))[:TEXT_MAX]
    cause = error.__cause__
    if isinstance(error, FileNotFoundError) and isinstance(cause, Exception) and _is_not_absence(cause):
        return describe_failure(cause)
    if isinstance(error, FileNotFoundError):
        return "no such file. Check the address, or remove it from the list of videos."
    if isinstance(error, PermissionError):
        return f"permission denied ({text}). Check the credentials, and who may read it."
    if isinstance(error, NoRoomError):
        return str(error)
    if isinstance(error, TooLargeError):
        return f"{text}, more than --max_bytes allows. Raise --max_bytes if that is right."
    if isinstance(error, TimeoutError):
        return "no answer in time. Check the connection, then run the same command again."
    known = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"cannot be read ({known}). {LOCAL_REMEDY if is_local else REMEDY}"


def _is_not_absence(cause: Exception) -> bool:
    """Return whether a FileNotFoundError, which fsspec raises for all web servers do, means something else."""
    if isinstance(cause, OSError):
        return not isinstance(cause, FileNotFoundError)
    return getattr(cause, "status", 404) not in (404, 410)
