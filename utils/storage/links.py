"""Small files that many names share: a name more is one call of the system, and appears with its whole content."""

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path

from utils.storage.files import created

# no hard links, none between folders (AFS, some FUSE file systems), or no more of this file
NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EXDEV, errno.EMLINK)


class Original:
    """The file of the content that was written last."""

    def __init__(self) -> None:
        self._content: bytes | None = None
        self._path = Path()

    def link(self, content: bytes, target: Path, temporary: Callable[[], Path]) -> None:
        """Give a file of this content the name `target`; FileExistsError if that is taken.

        temporary: returns a path where the content may be written first.
        """
        if content != self._content:
            self.remove()
            path = temporary()
            with created(path) as file:
                file.write(content)
            self._content, self._path = content, path
        try:
            os.link(self._path, target)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            _copy(content, target)

    def remove(self) -> None:
        """Remove the file."""
        if self._content is not None:
            with contextlib.suppress(OSError):  # it goes with other unfinished files, once this process has ended
                self._path.unlink()
        self._content = None


def _copy(content: bytes, target: Path) -> None:
    with target.open("xb") as file:
        try:
            file.write(content)
            file.flush()
        except OSError:  # a full disk: an empty file would keep others waiting
            target.unlink()
            raise
