"""Streams of bytes (an address, a tar member, memory) as FFmpeg reads them, with no error lost on the way."""

import errno
import io
import re
import shutil
import tempfile
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from utils.errors import UserError, VideoError
from utils.media.input import OpenableMedia, is_seekable
from utils.storage.urls import base_name, redacted

SPOOL_BYTES = 16 << 20  # a copied stream is in memory up to this size, then in a temporary file
SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")
TEXT_MAX = 200  # characters of a library's error message


class Reader:
    """A stream as FFmpeg reads it. An error ends the stream, and `failure` says which one it was.

    `read` raises nothing: depending on where it is, FFmpeg takes an exception for the end of the file or ignores it.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self.name = name  # FFmpeg's guess at the format looks at the suffix
        self.failure = ""

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`; none at the end, and after an error."""
        if self.failure:
            return b""
        try:
            data = bytes(self._stream.read(size) or b"")
        except Exception as error:  # file systems raise errors of any type
            self.failure = describe_failure(error)
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
            self.failure = self.failure or describe_failure(error)
            return -1

    def tell(self) -> int:
        """Return the position."""
        return self._stream.tell()

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()


def open_reader(source: OpenableMedia) -> Reader:
    """Return the opened source. A stream that cannot seek is copied to a temporary file first.

    Raises:
        VideoError: it cannot be opened, or is empty.
    """
    label = redacted(str(source))
    try:
        stream = source.open()
    except UserError as error:  # its message names the address and the remedy
        raise VideoError(redacted(str(error))) from error
    except Exception as error:  # file systems raise errors of any type
        raise VideoError(f"{label}: {describe_failure(error)}") from error
    try:
        if not is_seekable(stream):
            stream = _spooled(stream)
        size = stream.seek(0, io.SEEK_END)
        stream.seek(0)
    except Exception as error:
        stream.close()
        raise VideoError(f"{label}: {describe_failure(error)}") from error
    if size == 0:
        stream.close()
        raise VideoError(f"{label}: the file is empty (0 bytes). Download or copy it again.")
    suffix = SUFFIX.fullmatch(PurePosixPath(base_name(label)).suffix)
    return Reader(stream, f"media{suffix.group() if suffix else ''}")


def describe_failure(error: Exception) -> str:
    """Return what a read error means and what to do, on one line and without credentials."""
    text = redacted(" ".join(str(error).split()))[:TEXT_MAX]
    cause = error.__cause__
    if isinstance(error, FileNotFoundError) and isinstance(cause, Exception) and _is_not_absence(cause):
        return describe_failure(cause)
    if isinstance(error, FileNotFoundError):
        return "no such file. Check the address, or remove it from the list of videos."
    if isinstance(error, PermissionError):
        return f"permission denied ({text}). Check the credentials, and who may read it."
    if isinstance(error, TimeoutError):
        return "no answer in time. Check the connection, then run the same command again."
    known = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"cannot be read ({known}). Check the address and the connection, then run the same command again."


def _is_not_absence(cause: Exception) -> bool:
    """Return whether a FileNotFoundError, which fsspec raises for all web servers do, means something else."""
    if isinstance(cause, OSError):
        return not isinstance(cause, FileNotFoundError)
    return getattr(cause, "status", 404) not in (404, 410)


def _spooled(stream: BinaryIO) -> BinaryIO:
    """Return a copy that can seek, and close the stream."""
    copy = cast(BinaryIO, tempfile.SpooledTemporaryFile(SPOOL_BYTES))  # noqa: SIM115 (the reader closes it)
    try:
        shutil.copyfileobj(stream, copy, 1 << 18)
    except BaseException as error:
        copy.close()
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise OSError(
                f"no space left in {tempfile.gettempdir()} for a copy; set TMPDIR to another folder"
            ) from error
        raise
    finally:
        stream.close()
    return copy
