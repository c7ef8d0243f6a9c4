"""Files that merging writes again: what the last merge left, by which a changed one is noticed."""

import json
from dataclasses import asdict, dataclass

from utils.sinks.output import measure
from utils.storage.folder import Folder
from utils.storage.json_text import parse_json

FOLDER = ".featmill/merged"


@dataclass(frozen=True)
class FileState:
    """A file as it was left: size, time of modification (None at addresses), CRC-32 where it was computed."""

    bytes: int | None
    mtime_ns: int | None
    crc32: int | None = None

    @classmethod
    def of(cls, folder: Folder, name: str, crc32: int | None = None) -> "FileState":
        """Return the present state of a file."""
        return cls(folder.size(name), folder.mtime_ns(name), crc32)


def is_as_left(folder: Folder, name: str, verify: bool = False) -> bool:
    """Return whether a file is as the last merge left it; False also where that is not known.

    Size and time of modification tell, or the checksum where that was noted. verify: trust nothing but the checksum.
    """
    known = noted(folder, name)
    if known is None:
        return False
    if not verify and (known.bytes, known.mtime_ns) == (folder.size(name), folder.mtime_ns(name)):
        return True
    if known.crc32 is None:
        return False
    with folder.open(name) as file:
        return measure(file) == (known.bytes, known.crc32)


def is_damaged(folder: Folder, name: str) -> bool:
    """Return whether a file differs from the checksum that the last merge noted; False where it noted none."""
    known = noted(folder, name)
    return known is not None and known.crc32 is not None and not is_as_left(folder, name, verify=True)


def note(folder: Folder, name: str, crc32: int | None = None) -> None:
    """Remember the present state of a file. Raises RunError if that cannot be written."""
    with folder.whole(f"{FOLDER}/{name}.json") as file:
        file.write(json.dumps(asdict(FileState.of(folder, name, crc32))).encode())


def announce(folder: Folder, name: str, n_bytes: int, crc32: int) -> None:
    """Remember what is about to take the place of a file, which is trusted as well. Raises RunError if it cannot."""
    with folder.whole(f"{FOLDER}/{name}.json") as file:
        file.write(json.dumps(asdict(FileState(n_bytes, None, crc32))).encode())


def forget(folder: Folder, name: str) -> None:
    """Remove the note about a file before another takes its place: a run that is killed then leaves no wrong note."""
    folder.remove(f"{FOLDER}/{name}.json")


def noted(folder: Folder, name: str) -> FileState | None:
    """Return the state that was noted, None if there is none."""
    try:
        with folder.open(f"{FOLDER}/{name}.json") as file:
            return FileState(**parse_json(file.read()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
