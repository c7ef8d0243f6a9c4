"""What a sink leaves and takes: the description of a written file, and the protocols of writers and readers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, Self

import numpy as np

from utils.sinks.record import Record
from utils.storage.folder import Folder

Arrays = Mapping[str, np.ndarray]

TIMES = ("fps", "timestamps_ms", "start_s", "end_s")  # arrays that are not features


@dataclass(frozen=True)
class ArrayInfo:
    """Shape and dtype of a stored array."""

    shape: tuple[int, ...]
    dtype: str

    @classmethod
    def of(cls, array: Any) -> Self:
        """Describe anything with a shape and a dtype: an array, or a data set of HDF5."""
        return cls(tuple(array.shape), str(array.dtype))


@dataclass(frozen=True)
class Output:
    """One written file, or a video's place in a file of many, as the manifest describes it.

    file: its name relative to the folder of the feature type.
    bytes: its size when this was written; a file of many videos may have grown since.
    place: what finds the video in a file of many (a group, a key, an id); None for a file of one video.
    network: (kind, extractor name, data set) of the features in an ACAV100M file, which holds those of several types.
    """

    file: str
    bytes: int
    arrays: Mapping[str, ArrayInfo]
    place: str | None = None
    network: tuple[str, str, str] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what the manifest holds."""
        arrays = {key: {"shape": list(info.shape), "dtype": info.dtype} for key, info in self.arrays.items()}
        place = {} if self.place is None else {"place": self.place}
        network = {} if self.network is None else {"extractor": list(self.network)}
        return {"file": self.file, "bytes": self.bytes, **place, **network, "arrays": arrays}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Return the output that the manifest describes. Raises KeyError, TypeError or ValueError for anything else."""
        arrays = {
            str(key): ArrayInfo(tuple(map(int, info["shape"])), str(info["dtype"]))
            for key, info in content["arrays"].items()
        }
        network = content.get("extractor")
        if network is not None:
            kind, name, data_set = network
            network = (str(kind), str(name), str(data_set))
        return cls(str(content["file"]), int(content["bytes"]), arrays, content.get("place"), network)


class Sink(Protocol):
    """Takes finished videos, in a worker."""

    def write(self, record: Record) -> list[Output]:
        """Put all of a video's arrays in place; return what was written.

        Raises:
            RunError: the disk is full, or the folder cannot be written.
        """
        ...


class VideoFiles(Protocol):
    """How the files of a format that gives each video its own are read back; a module."""

    def is_whole(self, folder: Folder, output: Output, /) -> bool:
        """Return whether a file, whose size is right, starts or ends as it must."""
        ...

    def read(self, folder: Folder, output: Output, /) -> dict[str, np.ndarray]:
        """Return the arrays of a file."""
        ...


class MergedFile(Protocol):
    """A file with the features of many videos, open for reading."""

    @property
    def n_bytes(self) -> int | None:
        """Its size, if it is written once; None if it grows."""
        ...

    def holds(self, output: Output) -> bool:
        """Return whether a video's features are in the file."""
        ...

    def read(self, output: Output) -> dict[str, np.ndarray]:
        """Return a video's features."""
        ...


def describe(arrays: Mapping[str, Any]) -> dict[str, ArrayInfo]:
    """Return the shape and dtype of each array."""
    return {key: ArrayInfo.of(array) for key, array in arrays.items()}


def features_in(keys: Iterable[str]) -> list[str]:
    """Return the keys that are the model's outputs."""
    return [key for key in keys if key not in TIMES]


def size_so_far(file: BinaryIO) -> int:
    """Return the bytes of a file that is being written."""
    return file.seek(0, 2)
