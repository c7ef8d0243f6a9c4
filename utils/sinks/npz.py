"""One .npz file per video."""

import zipfile
from functools import partial
from typing import BinaryIO

import numpy as np

from utils.sinks.arrays import npy_info
from utils.sinks.output import ArrayInfo, Arrays, Output, describe, store
from utils.sinks.record import Record, views
from utils.sources.name_template import PER_VIDEO, NameTemplate
from utils.storage.folder import Folder

SINGLE = "features"  # what the file calls the features of a model with one output, whose key is the feature type


class NpzSink:
    """Writes a file with every key, times included, and the model's own attributes such as clip_length.

    It is <name>.npz, or as a template says.
    """

    def __init__(self, folder: Folder, template: NameTemplate | None = None) -> None:
        self._folder = folder
        self._template = template or PER_VIDEO

    def write(self, record: Record) -> list[Output]:
        """Write the record as one file, or one for each crop."""
        outputs: list[Output] = []
        attributes = {name: np.array(value) for name, value in record.attributes.items()}
        for crop, arrays in views(record, self._template):
            name = f"{self._template.name(record.ref, '', crop or 0, record.feature_type)}.npz"
            members = {SINGLE if key == record.feature_type else key: array for key, array in arrays.items()}
            stored = store(self._folder, name, partial(save, arrays=members | attributes))
            outputs.append(stored.output(describe(arrays), None, crop, record.as_columns))
        return outputs


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
