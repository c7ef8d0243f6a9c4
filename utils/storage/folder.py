"""Where outputs lie: a local folder, or one at an address that fsspec opens. Files appear whole or not at all."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

from utils.storage.local import LocalFolder
from utils.storage.remote import RemoteFolder
from utils.storage.urls import is_url


class Folder(Protocol):
    """A folder of outputs. Names are relative to it, with forward slashes. str() of it is safe to show.

    Every method raises RunError where the folder is gone, full, or gives no permission.
    """

    @property
    def local(self) -> Path | None:
        """The folder on this machine, None if it is elsewhere."""
        ...

    def prepare(self, make: bool = True) -> None:
        """Remember which folder it is: should another one take its place, writing fails. make: make it first."""
        ...

    def below(self, name: str) -> "Folder":
        """Return a folder in this one."""
        ...

    def whole(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Open a file for writing that is put in place, on disk, when the block ends without an error."""
        ...

    def create(self, name: str, data: bytes) -> bool:
        """Write a file only if there is none of the name yet, atomically; return whether it was written."""
        ...

    def append(self, name: str, data: bytes) -> None:
        """Add lines to the end of a file that many processes add to; `data` ends with a newline."""
        ...

    def tail(self, name: str, position: Any) -> tuple[Iterator[tuple[int, bytes]], Any]:
        """Return what was appended behind `position` (None: the start), line by line, and the position behind it.

        Lines come with their offset in the file; -1 where lines lie in several files. One that is not whole is left.
        """
        ...

    def open(self, name: str) -> BinaryIO:
        """Return a seekable stream of a file; FileNotFoundError if there is none."""
        ...

    def size(self, name: str) -> int | None:
        """Return the bytes of a file, None if there is none."""
        ...

    def names(self, prefix: str = "") -> Iterator[str]:
        """Yield the names, sorted, of the files of one folder (this one, or the prefix's) that start with `prefix`."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file; one that is gone already is no error."""
        ...

    def tidy(self) -> None:
        """Remove what ended processes left unfinished."""
        ...

    def leave(self) -> None:
        """Tidy, and remove the folder if `prepare` made it and nothing has come into it."""
        ...


def folder_at(path: str) -> Folder:
    """Return the folder at a local path or an address.

    Raises:
        UserError: no installed package opens such addresses.
    """
    if path.startswith("file://"):
        path = url2pathname(urlsplit(path).path)
    return RemoteFolder(path) if is_url(path) else LocalFolder(Path(path))
