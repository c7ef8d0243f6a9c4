"""Outputs at an address that fsspec writes to: S3, Google Cloud Storage, memory, …"""

import contextlib
import secrets
import shutil
import tempfile
from collections.abc import Generator, Iterator, Sequence
from typing import Any, BinaryIO, cast

from utils.errors import RunError
from utils.storage import processes
from utils.storage.urls import open_binary, redacted, resolve, scheme

IN_MEMORY = 64 << 20  # bytes of an unfinished file that are kept in memory; a larger one is a local temporary file
AT_ONCE = 32  # requests
SEGMENT_BYTES = 64 << 10  # of appended lines; each new line rewrites the segment, since objects cannot grow
ATOMIC = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory", "hf"}  # where files appear once complete


class RemoteFolder:
    """A folder at an address. See `utils.storage.folder.Folder`.

    Objects cannot grow, so lines that are appended to `name` go into segments, objects called "<name>.d/<process>-<n>".
    Each process has its own, and rewrites its last one until that has SEGMENT_BYTES.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._label = redacted(self._url)
        self._filesystem, self._path = resolve(self._url, use_listings_cache=False)
        self._segment = (0, b"")  # number and content of this process's last one
        self._process = f"{processes.identity()}~{secrets.token_hex(4)}"

    def __reduce__(self) -> tuple[Any, ...]:
        return RemoteFolder, (self._url,)

    def __str__(self) -> str:
        return self._label

    @property
    def local(self) -> None:
        """No path on this machine."""

    @property
    def at_once(self) -> int:
        """How many threads may use the folder at once: file systems without a loop of their own take one."""
        return AT_ONCE if self._filesystem.async_impl else 1

    def prepare(self, make: bool = True) -> None:
        """Create the folder, if asked to, where the file system has folders."""
        if not make:
            return
        with self._reported(""):
            self._filesystem.makedirs(self._path, exist_ok=True)

    def below(self, name: str) -> "RemoteFolder":
        """Return a subfolder."""
        return RemoteFolder(f"{self._url}/{name}")

    @contextlib.contextmanager
    def whole(self, name: str) -> Iterator[BinaryIO]:
        """Open a file for writing. It is uploaded when the block ends without an error."""
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as temporary:
            file = cast(BinaryIO, temporary)
            yield file
            file.seek(0)
            self._upload(name, file)

    def _upload(self, name: str, file: BinaryIO) -> None:
        path = self._at(name)
        target = path if scheme(self._url) in ATOMIC else f"{path}.{secrets.token_hex(4)}.featmill"
        with self._reported(name):
            self._make_folder_of(path)
            with self._filesystem.open(target, "wb") as stream:
                shutil.copyfileobj(file, cast(BinaryIO, stream), 1 << 20)  # fsspec's annotation also has text streams
            if target != path:
                self._filesystem.mv(target, path)

    def _make_folder_of(self, path: str) -> None:
        if scheme(self._url) not in ATOMIC:  # those have no folders, and each question takes a while
            self._filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)

    def create(self, name: str, data: bytes) -> bool:
        """Write a small file if none has its name yet; return whether it was written."""
        with self._reported(name):
            self._make_folder_of(self._at(name))
            try:
                self._filesystem.pipe_file(self._at(name), data, mode="create")
            except FileExistsError:
                return False
        return True

    def append(self, name: str, data: bytes) -> None:
        """Append lines. They are stored when this returns."""
        number, content = self._segment
        if len(content) >= SEGMENT_BYTES:
            number, content = number + 1, b""
        self._segment = number, content + data
        with self.whole(f"{name}.d/{self._process}-{number:08d}") as file:
            file.write(self._segment[1])

    def tail(self, name: str, position: dict[str, int] | None) -> tuple[Iterator[tuple[int, bytes]], dict[str, int]]:
        """Return (-1, line) of the lines after `position`, and the position after them.

        A file of that name counts as a segment: that of a local folder which was copied here.
        """
        known, folder = position or {}, f"{name}.d"
        sizes = {name: self.size(name) or 0}
        sizes |= {f"{folder}/{segment}": size for segment, size in sorted(self._sizes(folder).items())}
        return self._lines(known, sizes), sizes

    def _sizes(self, folder: str) -> dict[str, int]:
        """Return the sizes of the files in a folder, by their names in it."""
        try:
            with self._reported(folder):
                entries = self._filesystem.ls(self._at(folder), detail=True)
        except FileNotFoundError:
            return {}
        return {entry["name"].rsplit("/", 1)[1]: entry["size"] for entry in entries if entry["type"] == "file"}

    def _lines(self, known: dict[str, int], sizes: dict[str, int]) -> Generator[tuple[int, bytes], None, None]:
        grown = [segment for segment, size in sizes.items() if size > known.get(segment, 0)]
        for i in range(0, len(grown), AT_ONCE):
            some = grown[i : i + AT_ONCE]
            starts, ends = ([of.get(segment, 0) for segment in some] for of in (known, sizes))
            with self._reported(some[0]):
                contents = self._filesystem.cat_ranges(list(map(self._at, some)), starts, ends, on_error="raise")
            for content in contents:
                yield from ((-1, line + b"\n") for line in content.split(b"\n") if line)

    def open(self, name: str) -> BinaryIO:
        """Return a stream of a file; FileNotFoundError if it does not exist."""
        with self._reported(name):
            return open_binary(self._filesystem, self._at(name))

    def size(self, name: str) -> int | None:
        """Return the size of a file in bytes, None if it does not exist."""
        try:
            with self._reported(name):
                return self._filesystem.info(self._at(name))["size"]
        except FileNotFoundError:
            return None

    def mtime_ns(self, name: str) -> int | None:
        """Return None: stores date an upload, not the content, and answer over a network."""
        return None

    def names(self, prefix: str = "") -> Generator[str, None, None]:
        """Yield the sorted names that start with `prefix` of the files in this folder, or in the prefix's subfolder."""
        inside, _, start = prefix.rpartition("/")
        found = sorted(self._sizes(inside))
        yield from (f"{inside}/{name}" if inside else name for name in found if name.startswith(start))

    def folders(self, name: str) -> list[str]:
        """Return the names of the folders in a folder of this one."""
        try:
            with self._reported(name):
                entries = self._filesystem.ls(self._at(name), detail=True)
        except FileNotFoundError:
            return []
        return [f"{name}/{one['name'].rstrip('/').rsplit('/', 1)[1]}" for one in entries if one["type"] == "directory"]

    def remove(self, name: str) -> None:
        """Remove a file, if it exists."""
        with self._reported(name), contextlib.suppress(FileNotFoundError):
            self._filesystem.rm_file(self._at(name))

    def remove_all(self, names: Sequence[str]) -> None:
        """Remove files, those that exist: many with one request, where the store takes that."""
        if len(names) > 1:
            with contextlib.suppress(Exception):  # one is gone, or the store takes no such request
                self._filesystem.rm(list(map(self._at, names)))
                return
        for name in names:
            self.remove(name)

    def tidy(self) -> None:
        """Do nothing: an unfinished upload leaves no file."""

    def leave(self) -> None:
        """Do nothing: object stores have no empty folders."""

    def _at(self, name: str) -> str:
        return f"{self._path}/{name}" if name else self._path

    @contextlib.contextmanager
    def _reported(self, name: str) -> Generator[None, None, None]:
        """Turn the errors of the file system into RunError, except those of files that do or do not exist."""
        try:
            yield
        except (FileNotFoundError, FileExistsError):
            raise
        except Exception as error:  # file systems raise errors of any type: botocore's, aiohttp's, …
            cause = redacted(str(error)) or type(error).__name__
            address = f"{self._label}/{name}".rstrip("/")
            raise RunError(
                f"{address}: cannot be accessed ({cause}); check the address, the access rights and the connection, "
                "then run the same command again"
            ) from error
