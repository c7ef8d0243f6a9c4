"""One JSON line per finished video beside the outputs: what was made, from what, how, or why not."""

import contextlib
import hashlib
import json
import re
import tempfile
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple, Self

from utils.sinks.manifest_line import WITH_OUTPUTS, ManifestLine
from utils.sinks.staging import STAGED
from utils.sources.name_template import PER_VIDEO, Named, OutputNames
from utils.sources.names import safe_name
from utils.storage.folder import Folder
from utils.storage.hash_index import HashIndex
from utils.storage.json_text import parse_json

FILE_NAME = "manifest.jsonl"
PLAIN_NAMES = OutputNames()
ID_FIRST = b'{"id": "'
SETTINGS = re.compile(rb'"settings_hash": "([0-9a-f]{16})"')
STATUS, NAME, NEXT = b'"status": "', b'"name": "', b'", "'  # as the first keys of a line are written
STAGED_FILE = re.compile(rb'"file": "' + STAGED.pattern.encode())


def settings_hash(settings: dict[str, Any]) -> str:
    """Return a short hash of the settings and weights that decide what the features are."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:16]


class _Named(NamedTuple):
    """A video of which a manifest line tells the name."""

    name: str
    has_id: bool

    @classmethod
    def of(cls, identity: str, name: str) -> Self:
        """Return the video. The name is made of an id in a list, else of the path, whose suffix it lacks."""
        return cls(name, "/" in name and safe_name(identity) == name)


class Manifest:
    """Append-only; many processes may write to it."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def append(self, *lines: ManifestLine) -> None:
        """Add lines.

        Raises:
            RunError: they cannot be written.
        """
        self._folder.append(FILE_NAME, b"".join(json.dumps(line.to_json()).encode() + b"\n" for line in lines))

    def latest(self) -> "Latest":
        """Return the last line of each video."""
        return Latest(self._folder)


class Latest:
    """The last line of each video. Lines stay on disk; 32 bytes of each video are held in memory.

    most: how many lines to read at first, of a local file; `is_whole` says whether these are all. names: what the run
        that asks calls outputs.
    """

    def __init__(self, folder: Folder, most: int | None = None, names: OutputNames = PLAIN_NAMES) -> None:
        self._folder = folder
        self.names = names
        self._has_usual_names = names.template == PER_VIDEO
        self._position: Any = None
        self._offsets = HashIndex()  # of the last line of each video, by a hash of its id
        self._names = HashIndex()  # of the last line with outputs of each name, by a hash of it
        self._copy: BinaryIO | None = None  # of lines that are not in one local file
        self._copying = threading.Lock()  # threads look up lines at once
        self._first_new = 0
        self.hashes: set[str] = set()  # of the settings of all lines, also of those that later ones replace
        self._staged: set[int] = set()  # hashes of the videos that wait to be merged
        self.outdated: dict[str, set[str]] = {}  # of them, by file: places of videos that were extracted again
        self.is_whole = True
        self.refresh(most)
        if self._copy is not None:
            self._first_new = self._copy.seek(0, 2)
        elif isinstance(self._position, int):  # at an address it says more, and nothing was there
            self._first_new = self._position

    def refresh(self, most: int | None = None) -> None:
        """Take in what was appended since, by this run or another one. most: lines of a local file to read now."""
        lines, end = self._folder.tail(FILE_NAME, self._position)
        self.is_whole = True
        for n, (offset, raw) in enumerate(lines):
            if n == most and offset >= 0:
                self.is_whole, end = False, offset
                break
            identity = _id(raw)
            if identity is not None:
                found = SETTINGS.search(raw)
                if found:
                    self.hashes.add(found[1].decode())
                self._put(identity, offset, raw)
        self._position = end

    @property
    def has_staged(self) -> bool:
        """Whether any video waits to be merged."""
        return bool(self._staged)

    def _put(self, identity: str, offset: int, raw: bytes) -> None:
        key, is_staged, known = _hashed(identity), STAGED_FILE.search(raw) is not None, None
        if is_staged or offset < 0:
            known = self._line(key)
        if offset < 0:  # lines of several files come in any order
            new = _parsed(raw)
            if new is None:
                return
            if known is not None and known.is_later_than(new):
                if key in self._staged:
                    self._outdate(new)
                return
            offset = self._copied(raw)
        if is_staged and known is not None:
            self._outdate(known)
        self._offsets.put(key, offset)
        if (name := _written_name(raw)) is not None:
            self._names.put(hash(self._called(identity, name)), offset)
        if is_staged:
            self._staged.add(key)
        else:
            self._staged.discard(key)

    def _outdate(self, line: ManifestLine) -> None:
        """Note the places of a video that was extracted again."""
        for output in line.outputs:
            if output.place is not None:
                self.outdated.setdefault(output.file, set()).add(output.place)

    def _copied(self, raw: bytes) -> int:
        if self._copy is None:
            self._copy = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the index is used
        offset = self._copy.seek(0, 2)
        self._copy.write(raw)
        return offset

    def _line(self, key: int) -> ManifestLine | None:
        return self._at(self._offsets.get(key))

    def _at(self, offset: int | None) -> ManifestLine | None:
        if offset is None:
            return None
        if self._copy is not None:
            with self._copying:
                self._copy.seek(offset)
                return _parsed(self._copy.readline())
        with self._folder.open(FILE_NAME) as file:
            file.seek(offset)
            return _parsed(file.readline())

    def get(self, identity: str) -> ManifestLine | None:
        """Return the last line of a video, None if it has none."""
        line = self._line(_hashed(identity))
        return line if line is not None and line.id == identity else None

    def owner(self, video: Named) -> ManifestLine | None:
        """Return the last line of the video that has outputs of the same name, None if no video has."""
        name = self.names.of(video)
        line = self._at(self._names.get(hash(name)))
        if line is None or self._called(line.id, line.name) != name:
            return None
        last = self.get(line.id)
        return last if last is not None and last.status in WITH_OUTPUTS else None

    def _called(self, identity: str, name: str) -> str:
        """Return what the run that asks would call the outputs of a line; quickly where they are called so."""
        if self._has_usual_names:
            return self.names.same(name)
        return self.names.of(_Named.of(identity, name))

    def anew(self) -> "Latest":
        """Return what the manifest says now, as if all of it had been there when the run began."""
        return Latest(self._folder, names=self.names)

    def is_new(self, identity: str) -> bool:
        """Return whether the last line of a video was written since this index was made."""
        offset = self._offsets.get(_hashed(identity))
        return offset is not None and offset >= self._first_new

    def __len__(self) -> int:
        return len(self._offsets)

    def __iter__(self) -> Iterator[ManifestLine]:
        """Yield the last line of each video, in the order written, without those that were cleared."""
        if self._copy is None and self._folder.size(FILE_NAME) is None:
            return
        with contextlib.nullcontext(self._copy) if self._copy else self._folder.open(FILE_NAME) as file:
            for offset in self._offsets.sorted_values():
                file.seek(int(offset))
                line = _parsed(file.readline())  # None: damaged after its id
                if line is not None and line.status != "cleared":
                    yield line


def _hashed(identity: str) -> int:
    digest = hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def _id(raw: bytes) -> str | None:
    """Return the id of a line; None if it was cut short by a crash, or is not a manifest line."""
    try:
        if raw.startswith(ID_FIRST) and raw.endswith(b"}\n"):
            identity = json.JSONDecoder().raw_decode(raw.decode(), len(ID_FIRST) - 1)[0]
            return str(identity)
    except ValueError:
        return None
    line = _parsed(raw)
    return None if line is None else line.id


def _written_name(raw: bytes) -> str | None:
    """Return the name of a line with outputs; None for another line."""
    status = raw.find(STATUS) + len(STATUS)
    if not raw.startswith((b"done", b"partial"), status):
        return None
    start = raw.find(NAME, status) + len(NAME)
    name = raw[start : raw.find(NEXT, start)]
    try:
        return str(json.loads(b'"' + name + b'"')) if b"\\" in name else name.decode()
    except ValueError:
        return None


def _parsed(raw: bytes) -> ManifestLine | None:
    try:
        return ManifestLine.from_json(parse_json(raw))
    except ValueError:
        return None
