"""One HDF5 file for a run, features.h5, with a group per video."""

import contextlib
import logging
import shutil
import tempfile
from collections.abc import Collection, Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from utils.errors import RunError
from utils.sinks import rewritten, staging
from utils.sinks.h5_group import Group, add_groups, checksum_of, damage_of, is_data_set, read_arrays
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.output import ArrayInfo, Output
from utils.storage.folder import Folder
from utils.storage.local import LocalFolder
from utils.storage.processes import in_child

SUFFIX = ".h5"
FILE_NAME = f"features{SUFFIX}"

log = logging.getLogger(__name__)


def merge(
    folder: Folder, lines: Sequence[ManifestLine], _taken: Collection[str] = (), outdated: Collection[str] = ()
) -> list[ManifestLine]:
    """Add a group per video to a copy of the file, put the copy in its place, and return the lines with new outputs.

    Outdated groups are removed, and a group of the same video is replaced. Damaged staged files are left out, see
    `staging.intact`. A child process writes and reads back: where the disk is full, the HDF5 library may end the
    process by a segmentation fault.
    """
    sound = staging.intact(folder, lines)
    if not sound:
        return []
    with folder.whole(FILE_NAME) as file, _near(folder, file, sound) as (path, near):
        _start(folder, path)
        groups = _added(folder, path, near, sound, outdated)
    rewritten.note(folder, FILE_NAME)
    n_bytes = folder.size(FILE_NAME) or 0
    outputs = (Output(FILE_NAME, n_bytes, group.arrays, group.path, crc32=group.crc32) for group in groups)
    return [replace(line, outputs=(output,)) for line, output in zip(sound, outputs, strict=True)]


def _added(
    folder: Folder, path: str, near: Folder, lines: Sequence[ManifestLine], outdated: Collection[str]
) -> list[Group]:
    """Replace outdated groups of the file at `path`, a copy of what was there.

    Raises:
        RunError: what was there is damaged in a place that only writing needs, so it was removed.
    """
    try:
        return in_child(add_groups, path, near, lines, outdated)
    except OSError as error:
        if _copy_old(folder, path) and (damage := in_child(damage_of, path, True)):
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


def _start(folder: Folder, path: str) -> None:
    """Begin the file at `path` with what was there.

    A damaged one is left out: none of its groups counts as readable, so its videos are extracted again.
    """
    if _copy_old(folder, path) and (damage := in_child(damage_of, path)):
        log.warning("%s/%s is damaged (%s), so a new one takes its place", folder, FILE_NAME, damage)
        with open(path, "wb"):  # noqa: PTH123 - empties it
            pass


def _copy_old(folder: Folder, path: str) -> bool:
    """Copy what there is of the file to `path`; return whether there is any."""
    try:
        old = folder.open(FILE_NAME)
    except FileNotFoundError:
        return False
    with old, open(path, "wb") as copy:  # noqa: PTH123 - it exists
        shutil.copyfileobj(old, copy, 1 << 20)
    return True


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
            key in group and is_data_set(group, key) and ArrayInfo.of(group[key]) == info
            for key, info in output.arrays.items()
        )

    def is_intact(self, output: Output) -> bool:
        """Return whether the video's arrays and attributes have their checksum."""
        return checksum_of(self._file, output.place or "", output.arrays) == output.crc32

    def read(self, output: Output) -> dict[str, np.ndarray]:
        """Return the video's arrays."""
        return read_arrays(self._file, output.place or "", output.arrays)
