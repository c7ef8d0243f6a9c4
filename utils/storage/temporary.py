"""Copies in the temporary folder: bounded, and leaving room for other programs."""

import errno
import shutil
import tempfile
from collections.abc import Callable
from typing import BinaryIO, cast

IN_MEMORY = 16 << 20  # bytes of a copy that are kept in memory; a larger one is a temporary file
BLOCK = 1 << 20
CHECK_EVERY = 16 << 20  # bytes written between two checks of the free space
ROOM = 1 << 30  # bytes that stay free, or a twentieth of a small disk


class NoRoomError(OSError):
    """The temporary folder is full, or would be; the text has the remedy."""

    def __init__(self) -> None:
        super().__init__(f"no space left in {tempfile.gettempdir()} for a copy; set TMPDIR to another folder")


class TooLargeError(OSError):
    """There is more to copy than is allowed."""


def copied(read: Callable[[int], bytes], most: int) -> BinaryIO:
    """Return a copy that can seek, at its start, of all that `read` returns until it returns nothing.

    Raises:
        TooLargeError: it has more than `most` bytes. NoRoomError: the temporary folder has no room for it. Whatever
            `read` raises.
    """
    copy = cast(BinaryIO, tempfile.SpooledTemporaryFile(IN_MEMORY))  # noqa: SIM115 - the caller closes it
    n_bytes = unchecked = 0
    try:
        while block := read(BLOCK):
            n_bytes += len(block)
            unchecked += len(block)
            if n_bytes > most:
                raise TooLargeError(f"it has more than {most:,} bytes")
            if unchecked > CHECK_EVERY:
                check_room()
                unchecked = 0
            copy.write(block)
        copy.seek(0)
    except BaseException as error:
        copy.close()
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise NoRoomError from error
        raise
    return copy


def check_room(n_bytes: int = 0) -> None:
    """Raise NoRoomError if the temporary folder has no room for so many bytes more."""
    disk = shutil.disk_usage(tempfile.gettempdir())
    if disk.free - n_bytes < min(ROOM, disk.total // 20):
        raise NoRoomError
