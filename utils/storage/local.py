"""Outputs in a local folder, which may be on a network file system shared with other machines."""

import contextlib
import io
import os
import secrets
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from utils.errors import RunError
from utils.storage import processes
from utils.storage.files import cause_of, created, in_its_folder
from utils.storage.links import Original

PRIVATE = ".featmill"  # subfolder of all that is not an output: temporary files, claims, staging files
TEMPORARIES = f"{PRIVATE}/tmp"
STALE_S = 86400.0  # age at which a temporary file of another machine counts as abandoned


class LocalFolder:
    """A folder of this machine. See `utils.storage.folder.Folder`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity: tuple[int, int] | None = None
        self._made = False
        self._original = Original()  # of what `create` writes

    def __str__(self) -> str:
        return str(self._path)

    @property
    def local(self) -> Path | None:
        """The path of the folder."""
        return self._path

    @property
    def at_once(self) -> int:
        """How many threads are worth it: the system answers at once."""
        return 1

    def prepare(self, make: bool = True) -> None:
        """Create the folder, if asked to, and remember which one it is."""
        try:
            if make:
                self._made = self._made or not self._path.exists()
                self._path.mkdir(parents=True, exist_ok=True)
            stat = self._path.stat()
        except OSError as error:
            raise self._error("", error) from error
        self._identity = (stat.st_dev, stat.st_ino)

    def below(self, name: str) -> "LocalFolder":
        """Return a subfolder."""
        return LocalFolder(self._path / name)

    @contextlib.contextmanager
    def whole(self, name: str) -> Iterator[BinaryIO]:
        """Open a file for writing. It appears under its name, on disk, when the block ends without an error."""
        self._check()
        target, temporary = self._path / name, self._temporary()
        try:
            with created(temporary) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            in_its_folder(target, lambda: temporary.replace(target))
        except OSError as error:
            raise self._error(name, error) from error
        finally:
            with contextlib.suppress(OSError):  # the error above is the one to report
                temporary.unlink()

    def _temporary(self) -> Path:
        return self._path / TEMPORARIES / f"{processes.identity()}~{secrets.token_hex(4)}"

    def create(self, name: str, data: bytes) -> bool:
        """Write a small file, whole, if none has its name yet; return whether it was written.

        Files of the same content are one, with many names: a run claims thousands of videos per second with its own.
        """
        self._check()
        target = self._path / name
        try:
            try:
                self._original.link(data, target, self._temporary)
            except FileNotFoundError:  # another machine has removed it after a day, or the target's folder is missing
                self._original.remove()
                in_its_folder(target, lambda: self._original.link(data, target, self._temporary))
        except FileExistsError:
            return False
        except OSError as error:
            raise self._error(name, error) from error
        return True

    def append(self, name: str, data: bytes) -> None:
        """Append lines to a file in a single write, so that those of several processes do not mix."""
        self._check()
        try:
            descriptor = os.open(self._path / name, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                end = os.lseek(descriptor, 0, os.SEEK_END)
                if end and os.pread(descriptor, 1, end - 1) != b"\n":  # a writer was killed in the middle of its line
                    data = b"\n" + data
                if os.write(descriptor, data) != len(data):
                    raise RunError(f"{self._path / name}: the disk is full; make room and run the same command again")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._error(name, error) from error

    def tail(self, name: str, position: int | None) -> tuple[Iterator[tuple[int, bytes]], int]:
        """Return (offset, line) of the complete lines after `position`, and the position after the last of them."""
        size, start = self.size(name), position or 0
        if size is None:
            return iter(()), start
        with self._reading(name), self.open(name) as file:
            end = _last_line_end(file, start, size)
        return self._lines(name, start, end), end

    def _lines(self, name: str, start: int, end: int) -> Generator[tuple[int, bytes], None, None]:
        if start >= end:
            return
        with self._reading(name), self.open(name) as file:
            file.seek(start)
            while start < end and (line := file.readline()):  # somebody may cut the file short meanwhile
                yield start, line
                start += len(line)

    def open(self, name: str) -> BinaryIO:
        """Return a stream of a file, whose errors name it; FileNotFoundError if it does not exist."""
        with self._reading(name):
            return io.BufferedReader(_NamedFile(self._path / name))

    def size(self, name: str) -> int | None:
        """Return the size of a file in bytes, None if it does not exist."""
        stat = self._stat(name)
        return None if stat is None else stat.st_size

    def mtime_ns(self, name: str) -> int | None:
        """Return when a file was last modified, None if it does not exist."""
        stat = self._stat(name)
        return None if stat is None else stat.st_mtime_ns

    def _stat(self, name: str) -> os.stat_result | None:
        try:
            with self._reading(name):
                return (self._path / name).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def names(self, prefix: str = "") -> Generator[str, None, None]:
        """Yield the sorted names that start with `prefix` of the files in this folder, or in the prefix's subfolder."""
        inside, _, start = prefix.rpartition("/")
        try:
            with self._reading(inside, checked=False), os.scandir(self._path / inside) as entries:
                found = sorted(entry.name for entry in entries if entry.name.startswith(start) and entry.is_file())
        except (FileNotFoundError, NotADirectoryError):
            return
        yield from (f"{inside}/{name}" if inside else name for name in found)

    def folders(self, name: str) -> list[str]:
        """Return the names of the folders in a folder of this one."""
        try:
            with self._reading(name, checked=False), os.scandir(self._path / name) as entries:
                return [f"{name}/{entry.name}" for entry in entries if entry.is_dir(follow_symlinks=False)]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def remove(self, name: str) -> None:
        """Remove a file, if it exists."""
        try:
            (self._path / name).unlink(missing_ok=True)
        except OSError as error:
            raise self._error(name, error) from error

    def remove_all(self, names: Sequence[str]) -> None:
        """Remove files, those that exist."""
        for name in names:
            self.remove(name)

    def tidy(self) -> None:
        """Remove unfinished files of processes that have ended, and private folders that are empty."""
        self._original.remove()
        for name in list(self.names(f"{TEMPORARIES}/")):
            owner = name.rsplit("/", 1)[1].rsplit("~", 1)[0]
            alive = processes.is_alive(owner)
            if alive is False or (alive is None and self._age_s(name) > STALE_S):
                self.remove(name)
        claims = f"{PRIVATE}/claims"
        in_claims = [] if any(self.names(f"{claims}/")) else self.folders(claims)  # while a run is there, they are used
        for folder in (*in_claims, TEMPORARIES, claims, PRIVATE):
            with contextlib.suppress(OSError):  # not empty, or absent
                (self._path / folder).rmdir()

    def leave(self) -> None:
        """Tidy, and remove the folder if `prepare` created it and it is empty."""
        self.tidy()
        if self._made:
            with contextlib.suppress(OSError):  # not empty
                self._path.rmdir()

    def _age_s(self, name: str) -> float:
        try:
            return time.time() - (self._path / name).stat().st_mtime
        except OSError:
            return 0.0

    def _check(self) -> None:
        """Raise RunError if the folder is gone, or is not the one that `prepare` saw."""
        if self._identity is None:
            return
        try:
            stat = self._path.stat()
        except OSError as error:
            raise self._error("", error) from error
        if (stat.st_dev, stat.st_ino) != self._identity:
            raise RunError(
                f"{self._path}: replaced by another folder (unmounted?); restore it and run the same command again"
            )

    @contextlib.contextmanager
    def _reading(self, name: str, checked: bool = True) -> Generator[None, None, None]:
        """Turn errors into RunError, except where a file does not exist. checked: see whether the folder is gone."""
        try:
            yield
        except (FileNotFoundError, NotADirectoryError):
            if checked:
                self._check()
            raise
        except OSError as error:
            raise RunError(
                f"{self._path / name}: cannot be read ({cause_of(error)}); run the same command again to resume"
            ) from error

    def _error(self, name: str, error: OSError) -> RunError:
        if isinstance(error, FileNotFoundError) and not self._path.exists():
            return RunError(f"{self._path}: the output folder is gone; restore it and run the same command again")
        return RunError(
            f"{self._path / name}: cannot be written ({cause_of(error)}); run the same command again to resume"
        )


class _NamedFile(io.FileIO):
    """A file for reading. The system names the file where it cannot be opened; here also where it cannot be read."""

    def readinto(self, buffer: Any) -> int | None:
        """Read into a buffer."""
        with self._named():
            return super().readinto(buffer)

    def readall(self) -> bytes:
        """Return all that is left."""
        with self._named():
            return super().readall()

    @contextlib.contextmanager
    def _named(self) -> Generator[None, None, None]:
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.name)) from error


def _last_line_end(file: BinaryIO, start: int, size: int) -> int:
    """Return where the last complete line before `size` ends; `start` if there is none."""
    end = size
    while end > start:
        block = max(start, end - 65536)
        file.seek(block)
        found = file.read(end - block).rfind(b"\n")
        if found >= 0:
            return block + found + 1
        end = block
    return start
