"""One file per array: .npy, or a pickle."""

import pickle
from collections.abc import Callable
from functools import partial
from typing import IO, BinaryIO

import numpy as np
from numpy.lib import format as npy

from utils.sinks.output import ArrayInfo, Output, describe, store
from utils.sinks.record import Record, views
from utils.sources.name_template import PER_KEY, NameTemplate
from utils.storage.array_pickle import load_arrays
from utils.storage.folder import Folder

STOP = b"."  # with which every pickle ends


class ArraySink:
    """Writes a file for every key, times included: <name>_<key><suffix>, or as a template says."""

    def __init__(
        self,
        folder: Folder,
        suffix: str,
        save: Callable[[np.ndarray, BinaryIO], None],
        template: NameTemplate | None = None,
    ) -> None:
        self._folder = folder
        self._template = template or PER_KEY
        self._suffix = suffix
        self._save = save

    def write(self, record: Record) -> list[Output]:
        """Write the record's arrays, each whole or not at all."""
        outputs: list[Output] = []
        for crop, arrays in views(record, self._template):
            for key, array in arrays.items():
                name = f"{self._template.name(record.ref, key, crop or 0, record.feature_type)}{self._suffix}"
                stored = store(self._folder, name, partial(self._save, array))
                outputs.append(stored.output(describe({key: array}), None, crop, record.as_columns))
        return outputs


def save_numpy(array: np.ndarray, file: BinaryIO) -> None:
    """Write one array as .npy."""
    np.save(file, array, allow_pickle=False)


def save_pickle(array: np.ndarray, file: BinaryIO) -> None:
    """Write one array as a pickle."""
    pickle.dump(np.asarray(array), file)


def npy_info(file: IO[bytes]) -> ArrayInfo:
    """Return shape and dtype of the .npy file that starts here, and leave the stream at its values.

    Raises:
        ValueError: it is not a .npy file.
    """
    version = npy.read_magic(file)
    shape, _, dtype = npy.read_array_header_1_0(file) if version == (1, 0) else npy.read_array_header_2_0(file)
    return ArrayInfo(shape, str(dtype))


def is_whole(folder: Folder, output: Output) -> bool:
    """Return whether a file of ArraySink, whose size is right, starts (.npy) or ends (.pkl) as it must."""
    (info,) = output.arrays.values()
    with folder.open(output.file) as file:
        if output.file.endswith(".npy"):
            return npy_info(file) == info
        file.seek(-1, 2)
        return file.read(1) == STOP


def read(folder: Folder, output: Output) -> dict[str, np.ndarray]:
    """Return the one array of a file of ArraySink."""
    (key,) = output.arrays
    with folder.open(output.file) as file:
        if output.file.endswith(".npy"):
            return {key: np.load(file, allow_pickle=False)}
        return {key: load_arrays(file)}
