"""One .npz file per video."""

import zipfile
from typing import BinaryIO

import numpy as np

from utils.sinks.arrays import npy_info
from utils.sinks.output import ArrayInfo, Arrays, Output, describe, store
from utils.sinks.record import Record
from utils.storage.folder import Folder

SINGLE = "features"  # what the file calls the features of a model with one output, whose key is the feature type


class NpzSink:
    """Writes <name>.npz with every key, times included, and the model's own attributes such as clip_length."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def write(self, record: Record) -> list[Output]:
        """Write the record as one file."""
        file_name = f"{record.ref.name}.npz"
        arrays = {SINGLE if key == record.feature_type else key: array for key, array in record.timed_arrays.items()}
        attributes = {name: np.array(value) for name, value in record.attributes.items()}
        stored = store(self._folder, file_name, lambda file: save(file, arrays | attributes))
        return [stored.output(describe(record.timed_arrays))]


def save(file: BinaryIO, arrays: Arrays) -> None:
    """Write arrays under any names; one that is kept on disk is copied in blocks."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            add(archive, name, array)


def add(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    """Add one array to an .npz file."""
    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
        np.lib.format.write_array(member, np.asarray(array, order="C"), allow_pickle=False)


def is_whole(folder: Folder, output: Output, prefix: str = "") -> bool:
    """Return whether a file, whose size is right, has a table of contents with every array in it."""
    with folder.open(output.file) as file, zipfile.ZipFile(file) as archive:
        return all(_holds(archive, f"{prefix}{key}", info) for key, info in output.arrays.items())


def _holds(archive: zipfile.ZipFile, key: str, info: ArrayInfo) -> bool:
    name = f"{key}.npy" if f"{key}.npy" in archive.namelist() else f"{SINGLE}.npy"
    with archive.open(name) as member:
        return npy_info(member) == info


def read(folder: Folder, output: Output) -> dict[str, np.ndarray]:
    """Return the features, and the times, of a file of NpzSink."""
    with folder.open(output.file) as stream, np.load(stream, allow_pickle=False) as file:
        return {key: file[key if key in file else SINGLE] for key in output.arrays}
