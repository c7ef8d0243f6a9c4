"""tiny_program that waits less for servers and disks and says more often how far it is, on a disk that fails if asked.

DISK_FAULTS: how many reads of videos fail, after the first megabyte of each.
"""

import errno
import io
import os
from typing import BinaryIO

import tiny_program

from utils.media import input as media_input
from utils.media import resumed
from utils.run import progress
from utils.storage import urls
from utils.worker import watchdog

GOOD_BYTES = 1 << 20
faults = int(os.environ.get("DISK_FAULTS", "0"))


class FailingFile(io.FileIO):
    """A file on that disk."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Return bytes, or raise the error that a broken disk gives."""
        global faults
        if faults > 0 and self.tell() > GOOD_BYTES:
            faults -= 1
            raise OSError(errno.EIO, "Input/output error")
        return super().read(size)


def _open(self: media_input.LocalFile) -> BinaryIO:
    return FailingFile(self.path)


resumed.PAUSES_S = (0.05, 0.05, 0.05)  # also in the workers, which import this file again
urls.SILENCE_S = 1.0
progress.PLAIN_EVERY_S, watchdog.ALIVE_S = 2.0, 0.5
media_input.LocalFile.open = _open

if __name__ == "__main__":
    tiny_program.run()
