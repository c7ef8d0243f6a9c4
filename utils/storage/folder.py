"""Output folders, local or at an address that fsspec opens. Files appear complete or not at all."""

from collections.abc import Iterator, Sequence
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

    Every method raises RunError where the folder is gone or full, or permission is denied.
    """

    @property
    def local(self) -> Path | None:
        """The path of the folder on this machine, None if it is elsewhere."""
        ...

    @property
    def at_once(self) -> int:
        """How many threads may use the folder at once, and are worth it: more than one where it answers slowly."""
        ...

    def prepare(self, make: bool = True) -> None:
        """Remember which folder it is, so that writing fails once another one replaces it. make: create it first."""
        ...

    def below(self, name: str) -> "Folder":
        """Return a subfolder."""
        ...

    def whole(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Open a file for writing. It appears under its name, safely stored, when the block ends without an error."""
        ...

    def create(self, name: str, data: bytes) -> bool:
        """Write a file if none has its name yet, atomically; return whether it was written."""
        ...

    def append(self, name: str, data: bytes) -> None:
        """Append lines to a file that many processes append to; `data` ends with a newline."""
        ...

    def tail(self, name: str, position: Any) -> tuple[Iterator[tuple[int, bytes]], Any]:
        """Return the lines that were appended after `position` (None: all lines), and the position after them.

        Each line comes with its offset in the file; -1 where lines are in several files. An incomplete one is left out.
        """
        ...

    def open(self, name: str) -> BinaryIO:
        """Return a seekable stream of a file; FileNotFoundError if it does not exist."""
        ...

    def size(self, name: str) -> int | None:
        """Return the size of a file in bytes, None if it does not exist."""
        ...

    def mtime_ns(self, name: str) -> int | None:
        """Return when a file was last modified, by which changes are noticed; None where that is not known."""
        ...

    def names(self, prefix: str = "") -> Iterator[str]:
        """Yield the sorted names that start with `prefix` of the files in this folder, or in the prefix's subfolder."""
        ...

    def folders(self, name: str) -> list[str]:
        """Return the names of the folders in a folder of this one."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, if it exists."""
        ...

    def remove_all(self, names: Sequence[str]) -> None:
        """Remove files, those that exist, in any order."""
        ...

    def tidy(self) -> None:
        """Remove unfinished files of processes that have ended."""
        ...

    def leave(self) -> None:
        """Tidy, and remove the folder if `prepare` created it and it is empty."""
        ...


def folder_at(path: str) -> Folder:
    """Return the folder at a local path or an address.

    Raises:
        UserError: no installed package opens such addresses.
    """
    if path.startswith("file://"):
        path = url2pathname(urlsplit(path).path)
    return RemoteFolder(path) if is_url(path) else LocalFolder(Path(path))


def subfolders(address: str) -> list[str]:
    """Return the names of the folders in a folder, hidden ones left out, sorted.

    Raises:
        RunError: the address cannot be accessed.
    """
    if is_url(address) and not address.startswith("file://"):
        names = [name.rpartition("/")[2] for name in RemoteFolder(address).folders("")]
    else:
        names = [entry.name for entry in Path(address).iterdir() if entry.is_dir()] if Path(address).is_dir() else []
    return sorted(name for name in names if not name.startswith("."))
