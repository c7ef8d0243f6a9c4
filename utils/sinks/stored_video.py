"""One finished video as it is read back to go into a file of many: from its staged file, or from such a file."""

import io
from collections.abc import Mapping
from typing import BinaryIO, Protocol

import numpy as np


class StoredVideo(Protocol):
    """A video that can be read.

    keys: of all arrays, in their order. features: those that are the model's outputs. attributes: see `Record`.
    """

    features: list[str]
    attributes: dict[str, float]
    keys: list[str]

    def array(self, key: str, /) -> np.ndarray:
        """Return one array."""
        ...

    def times(self, key: str, /) -> np.ndarray | None:
        """Return "start_s" or "end_s" of the windows, float64 [windows], None where rows are not windows."""
        ...

    def raw(self, key: str, /) -> tuple[BinaryIO, int]:
        """Return an array as a stream of the .npy format, and its bytes."""
        ...


class MergedVideo:
    """A video in memory, from a file of many."""

    def __init__(self, features: list[str], attributes: dict[str, float], arrays: Mapping[str, np.ndarray]) -> None:
        self.features = features
        self.attributes = attributes
        self.keys = list(arrays)
        self._arrays = arrays

    def array(self, key: str) -> np.ndarray:
        """Return one array."""
        return self._arrays[key]

    def times(self, key: str) -> np.ndarray | None:
        """Return "start_s" or "end_s" of the windows, float64 [windows], None where rows are not windows."""
        return self._arrays.get(key)

    def raw(self, key: str) -> tuple[BinaryIO, int]:
        """Return an array as a stream of the .npy format, and its bytes."""
        stream = io.BytesIO()
        np.lib.format.write_array(stream, self._arrays[key], allow_pickle=False)
        return io.BytesIO(stream.getvalue()), stream.tell()
