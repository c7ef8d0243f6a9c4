"""Videos as groups of an HDF5 file. Runs in a separate process: the HDF5 library may crash where a disk is full."""

import contextlib
import json
import zlib
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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


@dataclass(frozen=True)
class Group:
    """A video in the file: the path of its group, its arrays, and the checksum of these and its attributes."""

    path: str
    arrays: Mapping[str, ArrayInfo]
    crc32: int


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


def add_groups(path: str, folder: Folder, lines: Sequence[ManifestLine], outdated: Collection[str] = ()) -> list[Group]:
    """Add the staged videos of `lines` to the file at `path`, then read them back and compare.

    outdated: paths of groups to remove first; what tells whose they are may be damaged.

    Raises:
        OSError: the file cannot be written, or does not hold what was written.
    """
    with _opened(path, "a") as target:
        found = [_remove(target, place) for place in outdated]
        if not all(found):  # a damaged name took them away
            _remove_strays(target, {valid_text(line.id) for line in lines})
        groups = [_add(target, folder, line) for line in lines]
    with _opened(path, "r") as written:
        for group in groups:
            if checksum_of(written, group.path, group.arrays) != group.crc32:
                raise OSError(f"group {group.path} does not hold what was written")
    return groups


def read_arrays(file: Any, path: str, keys: Mapping[str, ArrayInfo]) -> dict[str, np.ndarray]:
    """Return the arrays of a group, in the order of `keys`."""
    group = file[path]
    return {key: np.asarray(group[key][()]) for key in keys}


def checksum_of(file: Any, path: str, keys: Mapping[str, ArrayInfo]) -> int:
    """Return the CRC-32 of a group's arrays and attributes in the file."""
    attributes = file[path].attrs
    return _checksum(read_arrays(file, path, keys), {key: attributes[key] for key in ATTRIBUTES if key in attributes})


def _checksum(arrays: Mapping[str, np.ndarray], attributes: Mapping[str, Any]) -> int:
    text = json.dumps({key: value if isinstance(value, str) else float(value) for key, value in attributes.items()})
    return zlib.crc32(text.encode(), checksum(arrays))


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
    except (RuntimeError, KeyError, ValueError) as error:
        raise OSError(str(error)) from error


def _add(target: "h5py.File", folder: Folder, line: ManifestLine) -> Group:
    """Copy a staged video into its group."""
    output = staging.staged_output(line)
    with staging.opened(folder, output) as staged:
        group = _group(target, line, staged.keys)
        for key in staged.keys:
            _copy(staged, key, group)
        attributes = _attributes(line, staged.attributes)
        for name, value in attributes.items():
            group.attrs[name] = value
        arrays = describe({key: group[key] for key in staged.keys})
        crc32 = _checksum({key: staged.array(key) for key in staged.keys}, attributes)
        return Group(str(group.name).lstrip("/"), arrays, crc32)


def _copy(staged: staging.StagedVideo, key: str, group: "h5py.Group") -> None:
    """Copy one array block by block, so that memory does not grow with it."""
    info = staged.info(key)
    if key in group:
        del group[key]
    if not info.shape:
        group.create_dataset(key, data=staged.array(key))
        return
    data_set, row = group.create_dataset(key, info.shape, info.dtype), 0
    for block in staged.blocks(key):
        data_set[row : row + len(block)] = block
        row += len(block)


def _remove(target: "h5py.File", path: str) -> bool:
    """Remove a group; of one that holds groups of other videos, what is its own. Return whether the path was there."""
    if path not in target:
        return False
    if is_data_set(target, path):
        return True
    group: Any = target[path]
    _empty(group)
    if len(group):
        group.attrs.clear()
    else:
        del target[path]
    return True


def _remove_strays(target: "h5py.File", ids: Collection[str]) -> None:
    """Remove the groups of these videos, whatever they are called, and the folders that this leaves empty."""
    strays: list[str] = []
    target.visititems(lambda path, node: strays.append(path) if node.attrs.get("id") in ids else None)
    for path in strays:
        _remove(target, path)
        while (path := path.rpartition("/")[0]) and not len(target[path]) and not len(target[path].attrs):
            del target[path]


def _empty(group: "h5py.Group") -> None:
    """Remove the arrays of a group."""
    for key in map(str, list(group)):
        if is_data_set(group, key):
            del group[key]


def _group(target: "h5py.File", line: ManifestLine, keys: Sequence[str]) -> "h5py.Group":
    """Return the video's group: new, or emptied of what the video had in it before."""
    video_id = valid_text(line.id)
    path = next(path for path in group_paths(line.name) if _is_free(target, path, video_id, keys))
    group = target.require_group(path)
    _empty(group)
    group.attrs.clear()
    return group


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
