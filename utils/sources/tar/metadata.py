"""The metadata file of a shard: ACAV100M's list of {"filename", "id", "segment"}, matched to clips by their stems."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from utils.sources.errors import message_of, read_errors
from utils.sources.names import as_json, safe_id, without_suffix
from utils.storage.files import may_pass
from utils.storage.json_text import parse_json
from utils.storage.urls import is_url, open_binary, redacted, resolve, scheme

LARGEST = 256 << 20  # bytes of a metadata file
BLOCK = 1 << 20


@dataclass
class Metadata:
    """The metadata of the clips of one shard.

    file: its path, without credentials. exists: whether it was found. problem: what is wrong with it, "" for nothing.
    """

    file: str
    exists: bool = False
    problem: str = ""
    _entries: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _found: set[str] = field(default_factory=set)

    def of(self, stems: tuple[str, ...]) -> Mapping[str, Any] | None:
        """Return the entry of the first of a clip's stems that has one, and remember that the clip exists."""
        for stem in stems:
            if stem in self._entries:
                self._found.add(stem)
                return self._entries[stem]
        return None

    def missing(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Return stem and entry of the clips that were not asked for, in their order."""
        return [(stem, entry) for stem, entry in self._entries.items() if stem not in self._found]


def metadata_path(tar_path: str, tar_stem: str, meta_path: str | None) -> str:
    """Return the path of the metadata of a tar: `shard-N.json` beside it, or in --meta_path."""
    if meta_path is not None:
        return f"{meta_path.rstrip('/')}/{tar_stem}.json"
    query = ""
    if is_url(tar_path) and scheme(tar_path).startswith("http"):
        tar_path, question, query = tar_path.partition("?")
        query = question + query
    folder, slash, _ = tar_path.rpartition("/")
    return f"{folder}{slash}{tar_stem}.json{query}"


def read_metadata(path: str, suffixes: frozenset[str], *, required: bool) -> Metadata:
    """Return the metadata of a shard; a missing or malformed file does not stop the run.

    suffixes: lower-case suffixes of media, which a "filename" may have or not.
    required: whether the user gave --meta_path; else a read error at an address counts as a missing file, since object
        stores deny permission for files that do not exist.

    Raises:
        OSError: the disk fails to read it, which may pass.
    """
    metadata = Metadata(redacted(path))
    try:
        content = _read(path)
    except FileNotFoundError:
        return metadata
    except read_errors() as error:
        if may_pass(error):  # the next run finds it: without it the clips would be done with other names
            raise
        if required or not is_url(path):
            metadata.problem = f"cannot be read ({message_of(error)})"
        return metadata
    metadata.exists = True
    if content is None:
        metadata.problem = f"is larger than {LARGEST >> 20} MiB"
        return metadata
    try:
        entries = parse_json(content)
    except ValueError as error:
        metadata.problem = f"is not JSON ({str(error)[:300]})"
        return metadata
    if not isinstance(entries, list):
        metadata.problem = f"has {_kind(entries)}, not a list of objects"
        return metadata
    _take(metadata, entries, suffixes)
    return metadata


def _read(path: str) -> bytes | None:
    """Return the bytes of a file, None if there are too many."""
    if is_url(path):
        filesystem, inside = resolve(path)
        opened = open_binary(filesystem, inside)
    else:
        opened = open(path, "rb")  # noqa: SIM115, PTH123 - closed below
    content = bytearray()
    with opened as file:
        while len(content) <= LARGEST and (block := file.read(BLOCK)):
            content += block
    return None if len(content) > LARGEST else bytes(content)


def _take(metadata: Metadata, entries: list[Any], suffixes: frozenset[str]) -> None:
    bad = []
    for number, entry in enumerate(entries):
        name = entry.get("filename") if isinstance(entry, dict) else None
        stem = stem_of(name, suffixes) if isinstance(name, str) else ""
        if not stem:
            bad.append(f"entry {number} has no filename")
        elif stem in metadata._entries:
            bad.append(f"entry {number} names {safe_id(stem)[:100]!r} again")
        else:
            metadata._entries[stem] = as_json(entry)
    if bad:
        more = f", and {len(bad) - 1} more" if len(bad) > 1 else ""
        metadata.problem = f"{bad[0]}{more}; each entry must be an object with a different filename"


def stem_of(name: str, suffixes: frozenset[str]) -> str:
    """Return a file's name without folders and without a suffix of media: "x/a.b.mp4" gives "a.b"."""
    base = name.rpartition("/")[2]
    stem = without_suffix(base)
    return stem if base[len(stem) :].lower() in suffixes else base


def _kind(value: Any) -> str:
    kinds = {dict: "an object", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
