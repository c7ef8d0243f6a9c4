"""What all writers say of a file, and what they take."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import numpy as np

if TYPE_CHECKING:  # it imports torch, which the main process does without
    from utils.sinks.record import Record

Output = dict[str, Any]  # one written file, or a video's place in one, as the manifest describes it
Line = dict[str, Any]  # of the manifest
Arrays = Mapping[str, np.ndarray]

TIMES = ("fps", "timestamps_ms", "start_s", "end_s")  # arrays that are no features


class Sink(Protocol):
    """Takes finished videos, in a worker."""

    def write(self, record: "Record") -> list[Output]:
        """Put all of a video's arrays in place; return what was written.

        Raises:
            RunError: the disk is full, or the folder cannot be written.
        """
        ...


def describe(arrays: Arrays) -> dict[str, dict[str, Any]]:
    """Return key → shape and dtype."""
    return {key: {"shape": list(array.shape), "dtype": str(array.dtype)} for key, array in arrays.items()}


def output_of(name: str, n_bytes: int, arrays: Arrays) -> Output:
    """Return the description of a file of one video."""
    return {"file": name, "bytes": n_bytes, "arrays": describe(arrays)}


def features_in(keys: Iterable[str]) -> list[str]:
    """Return the keys that are the model's outputs."""
    return [key for key in keys if key not in TIMES]


def end_of(file: BinaryIO) -> int:
    """Return the bytes of a file that is being written."""
    return file.seek(0, 2)


def agrees(described: Mapping[str, Any], shape: Iterable[int], dtype: Any) -> bool:
    """Return whether an array is of the shape and dtype that its description says."""
    return list(shape) == described["shape"] and str(dtype) == described["dtype"]
