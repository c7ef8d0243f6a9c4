"""What a sink leaves and takes: the description of a written file, and the protocols of writers and readers."""

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, Self

import numpy as np

from utils.sinks.record import Record
from utils.storage.folder import Folder

Arrays = Mapping[str, np.ndarray]

BLOCK_BYTES = 1 << 20
UP = "../"  # begins the names of files in the folder of the run, one above those of its feature types
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
    crc32: of the file, if it is written once; of what a file that grows holds of the video.
    mtime_ns: of a local file that is written once: as long as it stays, the file need not be read to trust it.
    crc32 and mtime_ns are None in lines of earlier versions, and mtime_ns at addresses.
    crop: the number of the only crop that the file has of [windows, crops, ...]; None for a file with all.
    as_columns: whether the file has features [windows, D] as [D, windows].
    network: (kind, extractor name, data set) of the features in an ACAV100M file, which holds those of several types.
    """

    file: str
    bytes: int
    arrays: Mapping[str, ArrayInfo]
    place: str | None = None
    network: tuple[str, str, str] | None = None
    crc32: int | None = None
    mtime_ns: int | None = None
    crop: int | None = None
    as_columns: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return what the manifest holds."""
        arrays = {key: {"shape": list(info.shape), "dtype": info.dtype} for key, info in self.arrays.items()}
        place = {} if self.place is None else {"place": self.place}
        network = {} if self.network is None else {"extractor": list(self.network)}
        checks = {
            "crc32": self.crc32,
            "mtime_ns": self.mtime_ns,
            "crop": self.crop,
            "as_columns": self.as_columns or None,
        }
        known = {key: value for key, value in checks.items() if value is not None}
        return {"file": self.file, "bytes": self.bytes, **known, **place, **network, "arrays": arrays}

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
        checks = (content.get("crc32"), content.get("mtime_ns"), content.get("crop"), bool(content.get("as_columns")))
        return cls(_inside(content["file"]), int(content["bytes"]), arrays, content.get("place"), network, *checks)


def _inside(file: str) -> str:
    """Return a name that stays in the folder of the run: it is removed once merged. ValueError for any other."""
    parts = str(file).removeprefix(UP).split("/")
    if not parts[0] or ".." in parts:
        raise ValueError(f"{file} is outside the output folder")
    return str(file)


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

    def is_intact(self, output: Output) -> bool:
        """Return whether they have their checksum; True for a file that is written once, which is compared whole."""
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


@dataclass(frozen=True)
class StoredFile:
    """A file that was written once: its size, checksum, and time of modification (None at addresses)."""

    name: str
    bytes: int
    crc32: int
    mtime_ns: int | None

    def output(
        self,
        arrays: Mapping[str, ArrayInfo],
        place: str | None = None,
        crop: int | None = None,
        as_columns: bool = False,
    ) -> Output:
        """Return the description of a video's arrays in it."""
        return Output(self.name, self.bytes, arrays, place, None, self.crc32, self.mtime_ns, crop, as_columns)


def store(folder: Folder, name: str, write: Callable[[BinaryIO], None]) -> StoredFile:
    """Write a file, which appears complete or not at all.

    Raises:
        RunError: the disk is full, or the folder cannot be written.
    """
    with folder.whole(name) as file:
        write(file)
        n_bytes, crc32 = measure(file)
    return StoredFile(name, n_bytes, crc32, folder.mtime_ns(name))


def measure(file: BinaryIO) -> tuple[int, int]:
    """Return the size and the CRC-32 of a file, read from its start."""
    file.seek(0)
    n_bytes = crc32 = 0
    while block := file.read(BLOCK_BYTES):
        n_bytes += len(block)
        crc32 = zlib.crc32(block, crc32)
    return n_bytes, crc32


def checksum(arrays: Arrays) -> int:
    """Return the CRC-32 of the values of arrays, in their order."""
    crc32 = 0
    for array in arrays.values():
        crc32 = zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data, crc32)
    return crc32
