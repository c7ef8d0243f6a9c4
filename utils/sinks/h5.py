"""One HDF5 file for a run, features.h5, with a group per video."""

import json
import logging
import shutil
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from utils.sinks import staging
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.naming import group_paths, valid_text
from utils.sinks.output import ArrayInfo, Output, describe, size_so_far
from utils.storage.folder import Folder

if TYPE_CHECKING:
    import h5py

SUFFIX = ".h5"
FILE_NAME = f"features{SUFFIX}"

log = logging.getLogger(__name__)


def merge(folder: Folder, lines: Sequence[ManifestLine], _taken: Collection[str] = ()) -> list[ManifestLine]:
    """Add a group per video to a copy of the file, put the copy in its place, and return the lines with new outputs.

    A group of the same video is replaced. Damaged staged files are left out, see `staging.intact`.
    """
    sound = staging.intact(folder, lines)
    if not sound:
        return []
    with folder.whole(FILE_NAME) as file:
        found = _copy_old(folder, file)
        with _open(folder, file, "r+" if found else "w") as target:
            added = [_add(target, folder, line) for line in sound]
        n_bytes = size_so_far(file)
    outputs = (Output(FILE_NAME, n_bytes, arrays, place) for place, arrays in added)
    return [replace(line, outputs=(output,)) for line, output in zip(sound, outputs, strict=True)]


def _copy_old(folder: Folder, file: BinaryIO) -> bool:
    """Copy the file as it is so far; return whether there is one.

    A damaged one is left out: none of its groups counts as readable, so its videos are extracted again.
    """
    try:
        old = staging.near(folder, FILE_NAME)
    except FileNotFoundError:
        return False
    with old:
        shutil.copyfileobj(old, file, 1 << 20)
    file.flush()
    try:
        with _open(folder, file, "r"):
            return True
    except OSError as error:
        log.warning("%s/%s is damaged (%s), so a new one takes its place", folder, FILE_NAME, error)
    file.seek(0)
    file.truncate()
    return False


@contextmanager
def _open(folder: Folder, file: BinaryIO, mode: str) -> Generator["h5py.File", None, None]:
    """Open the file in the making: by its path where it has one, which is faster and takes less memory.

    Raises:
        OSError: it is damaged, or the disk is full, which h5py notices as late as when it closes the file.
    """
    import h5py

    try:
        with h5py.File(file.name, mode, locking=False) if folder.local is not None else h5py.File(file, mode) as target:
            yield target
    except RuntimeError as error:
        raise OSError(str(error)) from error


def _add(target: "h5py.File", folder: Folder, line: ManifestLine) -> tuple[str, dict[str, ArrayInfo]]:
    """Copy a staged video into its group; return the group's path and what is in it."""
    with staging.opened(folder, staging.staged_output(line)) as staged:
        group = _group(target, line, staged.keys)
        for key in staged.keys:
            _copy(staged, key, group)
        for name, value in _attributes(line, staged.attributes).items():
            group.attrs[name] = value
        return str(group.name).lstrip("/"), describe({key: group[key] for key in staged.keys})


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


def _group(target: "h5py.File", line: ManifestLine, keys: Sequence[str]) -> "h5py.Group":
    """Return the video's group: new, or emptied of what the video had in it before."""
    video_id = valid_text(line.id)
    path = next(path for path in group_paths(line.name) if _is_free(target, path, video_id, keys))
    group = target.require_group(path)
    for key in map(str, list(group)):
        if _is_dataset(group, key):
            del group[key]
    return group


def _is_free(target: "h5py.File", path: str, video_id: str, keys: Sequence[str]) -> bool:
    """Return whether a video can have the group: it may be another one's folder, but not its group or its array."""
    node: Any = target
    for name in path.split("/"):
        if name not in node:
            return True
        if _is_dataset(node, name):
            return False
        node = node[name]
    if any(key in node and not _is_dataset(node, key) for key in keys):
        return False
    return node.attrs.get("id", video_id) == video_id


def _is_dataset(group: Any, name: str) -> bool:
    import h5py

    return group.get(name, getclass=True) is h5py.Dataset


def _attributes(line: ManifestLine, numbers: dict[str, float]) -> dict[str, Any]:
    attributes = {
        "id": valid_text(line.id),
        "name": valid_text(line.name),
        "source": valid_text(line.source.path),
        "status": line.status,
        "facts": json.dumps(numbers),
        "meta": json.dumps(dict(line.meta)),
    }
    return attributes if line.fps is None else attributes | {"fps": float(line.fps)}


class H5File:
    """The file, open for reading as long as this object lives."""

    n_bytes = None

    def __init__(self, folder: Folder, name: str) -> None:
        import h5py

        self._file: Any = h5py.File(staging.near(folder, name), "r")  # its stubs know no group from a data set

    def holds(self, output: Output) -> bool:
        """Return whether the video's group has all its arrays."""
        group = self._file.get(output.place or "", {})
        return all(
            key in group and _is_dataset(group, key) and ArrayInfo.of(group[key]) == info
            for key, info in output.arrays.items()
        )

    def read(self, output: Output) -> dict[str, np.ndarray]:
        """Return the video's arrays."""
        group = self._file[output.place]
        return {key: np.asarray(group[key][()]) for key in output.arrays}
