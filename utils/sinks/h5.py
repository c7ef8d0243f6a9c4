"""One HDF5 file for a run, features.h5, with a group per video."""

import contextlib
import logging
import shutil
import tempfile
import weakref
from collections.abc import Collection, Generator, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from utils.errors import RunError
from utils.sinks import rewritten, staging
from utils.sinks.h5_group import (
    Group,
    Kept,
    Written,
    checksum_of,
    damage_of,
    is_data_set,
    read_arrays,
    write_groups,
)
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.output import ArrayInfo, Output
from utils.storage.folder import Folder
from utils.storage.local import LocalFolder
from utils.storage.processes import in_child

if TYPE_CHECKING:
    import h5py

SUFFIX = ".h5"
FILE_NAME = f"features{SUFFIX}"

log = logging.getLogger(__name__)


def merge(
    folder: Folder,
    lines: Sequence[ManifestLine],
    kept: Iterable[ManifestLine],
    _taken: Collection[str] = (),
    _only_full: bool = False,
) -> list[ManifestLine]:
    """Write the file anew, with the groups of `kept` and those of staged videos, and return the lines that change.

    Damaged staged files are left out, see `staging.intact`; of a damaged group the line says that it failed. A child
    process writes and reads back: where the disk is full, the HDF5 library may end the process by a segmentation fault.
    """
    sound = staging.intact(folder, lines)
    if not sound:
        return []
    there = [_kept(line) for line in kept]
    with folder.whole(FILE_NAME) as file, _near(folder, file, sound) as (path, near), _old(folder) as old:
        written = _written(folder, path, near, sound, there, old)
    rewritten.note(folder, FILE_NAME)
    n_bytes = folder.size(FILE_NAME) or 0
    new = [_merged(line, written.groups[line.id], n_bytes) for line in sound]
    return new + [changed for line in kept if (changed := _changed(line, written, n_bytes)) is not None]


def _kept(line: ManifestLine) -> Kept:
    output = line.outputs[0]
    return Kept(line.order, line.name, output.place or "", output.arrays, output.crc32)


def _merged(line: ManifestLine, group: Group, n_bytes: int) -> ManifestLine:
    return replace(line, outputs=(Output(FILE_NAME, n_bytes, group.arrays, group.path, crc32=group.crc32),))


def _changed(line: ManifestLine, written: Written, n_bytes: int) -> ManifestLine | None:
    """Return the new line of a video that was there already, None if nothing of it has changed."""
    group = written.groups.get(line.id)
    if group is None:
        return replace(line, status="failed", reason=f"its features in {FILE_NAME} were damaged", outputs=())
    return None if group.path == line.outputs[0].place else _merged(line, group, n_bytes)


def _written(
    folder: Folder, path: str, near: Folder, lines: Sequence[ManifestLine], kept: Sequence[Kept], old: str | None
) -> Written:
    """Write the file at `path`.

    Raises:
        RunError: what was there is damaged so that the library cannot read it, so it was removed.
    """
    try:
        return in_child(write_groups, path, near, lines, kept if old else (), old)
    except OSError as error:
        if old and (damage := in_child(damage_of, old, True)):
            folder.remove(FILE_NAME)
            raise RunError(
                f"{folder}/{FILE_NAME}: damaged ({damage}), so it was removed; run the same command again, which "
                "extracts its videos again"
            ) from error
        raise


@contextlib.contextmanager
def _near(folder: Folder, file: BinaryIO, lines: Sequence[ManifestLine]) -> Generator[tuple[str, Folder], None, None]:
    """Yield a local path for the file in the making, and a local folder with the staged files.

    For an address these are copies; the file is copied into `file` at the end.
    """
    if folder.local is not None:
        yield file.name, folder
        return
    with tempfile.TemporaryDirectory() as scratch:
        local, path = LocalFolder(Path(scratch)), Path(scratch) / FILE_NAME
        path.touch()
        for line in lines:
            name = staging.staged_output(line).file
            with folder.open(name) as staged, local.whole(name) as copy:
                shutil.copyfileobj(staged, copy, 1 << 20)
        yield str(path), local
        with path.open("rb") as written:
            shutil.copyfileobj(written, file, 1 << 20)


@contextlib.contextmanager
def _old(folder: Folder) -> Generator[str | None, None, None]:
    """Yield a local path of the file as it is; None if there is none, or it is so damaged that a new one replaces it.

    None of its groups counts as readable then, so its videos are extracted again.
    """
    with tempfile.TemporaryDirectory() as scratch:
        path = _local(folder, scratch)
        if path is not None and (damage := in_child(damage_of, path)):
            log.warning("%s/%s is damaged (%s), so a new one takes its place", folder, FILE_NAME, damage)
            path = None
        yield path


def _local(folder: Folder, scratch: str) -> str | None:
    """Return a local path of the file, a copy in `scratch` if it is at an address; None if there is none."""
    try:
        old = folder.open(FILE_NAME)
    except FileNotFoundError:
        return None
    with old:
        if folder.local is not None:
            return str(folder.local / FILE_NAME)
        path = Path(scratch) / FILE_NAME
        with path.open("wb") as copy:
            shutil.copyfileobj(old, copy, 1 << 20)
        return str(path)


class H5File:
    """The file, open for reading as long as this object lives."""

    n_bytes = None

    def __init__(self, folder: Folder, name: str) -> None:
        import h5py

        below = staging.near(folder, name)
        self._file: Any = h5py.File(below, "r")  # its stubs know no group from a data set
        close_with(self, self._file, below)

    def holds(self, output: Output) -> bool:
        """Return whether the video's group has all its arrays."""
        group = self._file.get(output.place or "", {})
        return all(
            key in group and is_data_set(group, key) and ArrayInfo.of(group[key]) == info
            for key, info in output.arrays.items()
        )

    def is_intact(self, output: Output) -> bool:
        """Return whether the video's arrays and attributes have their checksum."""
        return checksum_of(self._file, output.place or "", output.arrays) == output.crc32

    def read(self, output: Output) -> dict[str, np.ndarray]:
        """Return the video's arrays."""
        return read_arrays(self._file, output.place or "", output.arrays)


def close_with(owner: object, file: "h5py.File", below: BinaryIO) -> None:
    """Close a file, and the Python file below it, once its owner is gone; at the latest before Python ends.

    After that, the library closes what is open itself: by calling the Python file, which crashes the process.
    """
    weakref.finalize(owner, _close, file, below)


def _close(file: "h5py.File", below: BinaryIO) -> None:
    file.close()
    below.close()
