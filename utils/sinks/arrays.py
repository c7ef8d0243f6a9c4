"""One file per array: .npy, or a pickle."""

import pickle
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.lib import format as npy

from utils.sinks.output import Output, agrees, end_of, output_of
from utils.storage.array_pickle import load_arrays
from utils.storage.folder import Folder

if TYPE_CHECKING:
    from utils.sinks.record import Record

STOP = b"."  # with which every pickle ends


class ArraySink:
    """Writes <name>_<key><suffix> for every key."""

    def __init__(self, folder: Folder, suffix: str, save: Callable[[BinaryIO, np.ndarray], None]) -> None:
        self._folder = folder
        self._suffix = suffix
        self._save = save

    def write(self, record: "Record") -> list[Output]:
        """Write the record's arrays, each whole or not at all."""
        outputs = []
        for key, array in record.arrays.items():
            name = f"{record.ref.name}_{key}{self._suffix}"
            with self._folder.whole(name) as file:
                self._save(file, array)
                n_bytes = end_of(file)
            outputs.append(output_of(name, n_bytes, {key: array}))
        return outputs


def save_numpy(file: BinaryIO, array: np.ndarray) -> None:
    """Write one array as .npy."""
    np.save(file, array, allow_pickle=False)


def save_pickle(file: BinaryIO, array: np.ndarray) -> None:
    """Write one array as a pickle."""
    pickle.dump(np.asarray(array), file)


def npy_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Return shape, whether columns come first, and dtype of the .npy file that starts here.

    Raises:
        ValueError: it is none.
    """
    version = npy.read_magic(file)
    return npy.read_array_header_1_0(file) if version == (1, 0) else npy.read_array_header_2_0(file)


def is_whole(folder: Folder, output: Output) -> bool:
    """Return whether a file of ArraySink, whose size is right, starts (.npy) or ends (.pkl) as it must."""
    ((_, described),) = output["arrays"].items()
    with folder.open(output["file"]) as file:
        if output["file"].endswith(".npy"):
            shape, _, dtype = npy_header(file)
            return agrees(described, shape, dtype)
        file.seek(-1, 2)
        return file.read(1) == STOP


def read(folder: Folder, output: Output) -> dict[str, np.ndarray]:
    """Return the one array of a file of ArraySink."""
    (key,) = output["arrays"]
    with folder.open(output["file"]) as file:
        if output["file"].endswith(".npy"):
            return {key: np.load(file, allow_pickle=False)}
        return {key: load_arrays(file)}
