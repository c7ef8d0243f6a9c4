"""Videos as groups of an HDF5 file. Runs in a separate process: the HDF5 library may crash where a disk is full."""

import contextlib
import json
import zlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from utils.sinks import staging
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.naming import group_paths, valid_text
from utils.sinks.output import ArrayInfo, checksum, describe
from utils.storage.files import may_pass
from utils.storage.folder import Folder

if TYPE_CHECKING:
    import h5py


ATTRIBUTES = ("id", "name", "source", "status", "facts", "meta", "fps")
LIBRARY_ERRORS = (RuntimeError, KeyError, ValueError)  # of h5py, beside OSError


@dataclass(frozen=True)
class Group:
    """A video in the file: the path of its group, its arrays, and the checksum of these and its attributes."""

    path: str
    arrays: Mapping[str, ArrayInfo]
    crc32: int


@dataclass(frozen=True)
class Kept:
    """A video of the file that is there. order: see `ManifestLine`. crc32: None in lines of earlier versions."""

    order: tuple[int, str]
    name: str
    path: str
    arrays: Mapping[str, ArrayInfo]
    crc32: int | None

    @property
    def id(self) -> str:
        """The video's id."""
        return self.order[1]


@dataclass(frozen=True)
class Written:
    """What is in a file, by id of the video. lost: those whose groups in the file that was there are damaged."""

    groups: dict[str, Group]
    lost: set[str]


class Source(Protocol):
    """Arrays of a video that are copied into the file."""

    keys: list[str]

    def info(self, key: str, /) -> ArrayInfo:
        """Return shape and dtype of an array."""
        ...

    def array(self, key: str, /) -> np.ndarray:
        """Return an array."""
        ...

    def blocks(self, key: str, /) -> Iterator[np.ndarray]:
        """Yield the rows of an array of one dimension or more in blocks of some MiB."""
        ...


class _OldGroup:
    """The arrays of a group of the file that is there already."""

    def __init__(self, group: Any, keys: Sequence[str]) -> None:
        self._group = group
        self.keys = list(keys)

    def info(self, key: str) -> ArrayInfo:
        return ArrayInfo.of(self._group[key])

    def array(self, key: str) -> np.ndarray:
        return np.asarray(self._group[key][()])

    def blocks(self, key: str) -> Iterator[np.ndarray]:
        rows = self._group[key]
        n_rows = max(1, staging.BLOCK_BYTES // max(1, rows.nbytes // max(1, len(rows))))
        return (rows[start : start + n_rows] for start in range(0, len(rows), n_rows))


def damage_of(path: str, thorough: bool = False) -> str:
    """Return why a file cannot be opened as HDF5; empty if it can. Raises OSError where the disk fails to read it.

    thorough: read everything in it as well.
    """
    try:
        with _opened(path, "r") as file:
            if thorough:
                file.visititems(lambda _, node: _read(node))
            return ""
    except OSError as error:
        if may_pass(error):
            raise
        return str(error) or type(error).__name__


def _read(node: Any) -> None:
    """Read all that an object of the file holds."""
    dict(node.attrs)
    if not hasattr(node, "keys"):
        node[()]


def write_groups(
    path: str, folder: Folder, lines: Sequence[ManifestLine], kept: Sequence[Kept] = (), old: str | None = None
) -> Written:
    """Write a file with a group per video, in the order of the list, then read it back and compare.

    The bytes depend on the videos alone; those of a file that is added to depend on how often that was done.

    lines: of staged videos. kept: videos to take over from the file at `old`; damaged ones are left out.

    Raises:
        OSError: the file cannot be written, or does not hold what was written.
    """
    written = Written({}, set())
    with _opened(path, "w") as target, _opened(old, "r") if old else contextlib.nullcontext() as source:
        for entry in sorted((*kept, *lines), key=lambda entry: entry.order):
            group = _take_over(target, source, entry) if isinstance(entry, Kept) else _add(target, folder, entry)
            if group is None:
                written.lost.add(entry.id)
            else:
                written.groups[entry.id] = group
    with _opened(path, "r") as file:
        for group in written.groups.values():
            if checksum_of(file, group.path, group.arrays) != group.crc32:
                raise OSError(f"group {group.path} does not hold what was written")
    return written


def read_arrays(file: Any, path: str, keys: Mapping[str, ArrayInfo]) -> dict[str, np.ndarray]:
    """Return the arrays of a group, in the order of `keys`."""
    group = file[path]
    return {key: np.asarray(group[key][()]) for key in keys}


def checksum_of(file: Any, path: str, keys: Mapping[str, ArrayInfo]) -> int:
    """Return the CRC-32 of a group's arrays and attributes in the file."""
    attributes = file[path].attrs
    text = _as_text({key: attributes[key] for key in ATTRIBUTES if key in attributes})
    return zlib.crc32(text, checksum(read_arrays(file, path, keys)))


def _as_text(attributes: Mapping[str, Any]) -> bytes:
    return json.dumps(
        {key: value if isinstance(value, str) else float(value) for key, value in attributes.items()}
    ).encode()


def is_data_set(group: Any, name: str) -> bool:
    """Return whether a name in a group is an array, and not a group."""
    import h5py

    return group.get(name, getclass=True) is h5py.Dataset


@contextlib.contextmanager
def _opened(path: str, mode: str) -> Generator["h5py.File", None, None]:
    """Open the file. Raises OSError for all that h5py raises, which may come as late as on closing."""
    import h5py

    try:
        with h5py.File(path, mode, locking=False) as file:
            yield file
    except LIBRARY_ERRORS as error:
        raise OSError(str(error)) from error


def _add(target: "h5py.File", folder: Folder, line: ManifestLine) -> Group:
    """Copy a staged video into its group."""
    with staging.opened(folder, staging.staged_output(line)) as staged:
        return _write(target, line.id, line.name, staged, _attributes(line, staged.attributes))


def _take_over(target: "h5py.File", source: Any, kept: Kept) -> Group | None:
    """Copy a group of the file that was there; return None, and leave it out, if it is damaged."""
    try:
        old = source[kept.path]
        attributes = {key: old.attrs[key] for key in ATTRIBUTES if key in old.attrs}
        group = _write(target, kept.id, kept.name, _OldGroup(old, list(kept.arrays)), attributes)
    except (OSError, *LIBRARY_ERRORS):
        if not _is_damaged(source, kept):  # so it is the new file that fails
            raise
        return None
    if kept.crc32 not in (None, group.crc32):
        _remove(target, group.path)
        return None
    return group


def _is_damaged(source: Any, kept: Kept) -> bool:
    """Return whether a group cannot be read. Raises OSError where the disk fails to read it."""
    try:
        return kept.crc32 not in (None, checksum_of(source, kept.path, kept.arrays))
    except OSError as error:
        if may_pass(error):
            raise
        return True
    except LIBRARY_ERRORS:
        return True


def _write(target: "h5py.File", video_id: str, name: str, source: Source, attributes: Mapping[str, Any]) -> Group:
    """Write a video's group."""
    group, crc32 = _group(target, video_id, name, source.keys), 0
    try:
        for key in source.keys:
            crc32 = _copy(source, key, group, crc32)
        for key, value in attributes.items():
            group.attrs[key] = value
    except (OSError, *LIBRARY_ERRORS):
        with contextlib.suppress(OSError, *LIBRARY_ERRORS):
            _remove(target, str(group.name))
        raise
    arrays = describe({key: group[key] for key in source.keys})
    return Group(str(group.name).lstrip("/"), arrays, zlib.crc32(_as_text(attributes), crc32))


def _copy(source: Source, key: str, group: "h5py.Group", crc32: int) -> int:
    """Copy one array block by block, so that memory does not grow with it; return the checksum continued over it."""
    info = source.info(key)
    if not info.shape:
        value = source.array(key)
        group.create_dataset(key, data=value)
        return zlib.crc32(_bytes(value), crc32)
    data_set, row = group.create_dataset(key, info.shape, info.dtype), 0
    for block in source.blocks(key):
        data_set[row : row + len(block)] = block
        row += len(block)
        crc32 = zlib.crc32(_bytes(block), crc32)
    return crc32


def _bytes(array: np.ndarray) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _remove(target: "h5py.File", path: str) -> None:
    """Remove a group; of one that holds groups of other videos, what is its own."""
    group: Any = target[path]
    for key in [key for key in map(str, group) if is_data_set(group, key)]:
        del group[key]
    group.attrs.clear()
    if not len(group):
        del target[path]


def _group(target: "h5py.File", video_id: str, name: str, keys: Sequence[str]) -> "h5py.Group":
    """Return the video's group, which is new, or so far only the folder of others."""
    shown_id = valid_text(video_id)
    return target.require_group(next(path for path in group_paths(name) if _is_free(target, path, shown_id, keys)))


def _is_free(target: "h5py.File", path: str, video_id: str, keys: Sequence[str]) -> bool:
    """Return whether a video can have the group: it may be another one's folder, but not its group or its array."""
    node: Any = target
    for name in path.split("/"):
        if name not in node:
            return True
        if is_data_set(node, name):
            return False
        node = node[name]
    if any(key in node and not is_data_set(node, key) for key in keys):
        return False
    return node.attrs.get("id", video_id) == video_id


def _attributes(line: ManifestLine, numbers: Mapping[str, float]) -> dict[str, Any]:
    attributes = {
        "id": valid_text(line.id),
        "name": valid_text(line.name),
        "source": valid_text(line.source.path),
        "status": line.status,
        "facts": json.dumps(numbers),
        "meta": json.dumps(dict(line.meta)),
    }
    return attributes if line.fps is None else attributes | {"fps": float(line.fps)}
