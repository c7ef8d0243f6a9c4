"""Where features go: printed, or written whole as one file per video and key."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import numpy as np

from utils.files import whole_file

if TYPE_CHECKING:  # it imports torch, which the main process does without
    from utils.assemble import Record

Output = dict[str, Any]  # one written file, as the manifest describes it


class Sink(Protocol):
    """Takes finished videos."""

    def write(self, record: "Record") -> list[Output]:
        """Put all of a video's arrays in place; return what was written."""
        ...


class PrintSink:
    """Shows each array and its range, and leaves no file."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show

    def write(self, record: "Record") -> list[Output]:
        """Show the record as text."""
        lines = [record.ref.path]
        for key, array in record.arrays.items():
            lines += [key, str(array)]
            lines.append(
                f"shape: {list(array.shape)}; max: {array.max():.8f}; mean: {array.mean():.8f}; min: {array.min():.8f}"
            )
        self._show("\n".join(lines) + "\n")
        return []


class FileSink:
    """Writes <folder>/<name>_<key><suffix> for every key."""

    def __init__(self, folder: Path, suffix: str, save: Callable[[BinaryIO, np.ndarray], None]) -> None:
        self._folder = folder
        self._suffix = suffix
        self._save = save

    def write(self, record: "Record") -> list[Output]:
        """Write the record's arrays, each whole or not at all.

        Raises:
            RunError: the disk is full, or the folder cannot be written.
        """
        outputs = []
        for key, array in record.arrays.items():
            path = self._folder / f"{record.ref.name}_{key}{self._suffix}"
            with whole_file(path) as file:
                self._save(file, array)
            outputs.append(
                {
                    "file": path.relative_to(self._folder).as_posix(),
                    "shape": list(array.shape),
                    "dtype": str(array.dtype),
                    "bytes": path.stat().st_size,
                }
            )
        return outputs


def _save_numpy(file: BinaryIO, array: np.ndarray) -> None:
    np.save(file, array, allow_pickle=False)


def _save_pickle(file: BinaryIO, array: np.ndarray) -> None:
    pickle.dump(array, file)


def make_sink(kind: str, folder: Path, show: Callable[[str], None]) -> Sink:
    """Return the sink for a value of --on_extraction."""
    if kind == "print":
        return PrintSink(show)
    suffix, save = {"save_numpy": (".npy", _save_numpy), "save_pickle": (".pkl", _save_pickle)}[kind]
    return FileSink(folder, suffix, save)


def is_readable(folder: Path, outputs: list[Output]) -> bool:
    """Return whether every output is there with the size it was written with, and .npy headers agree."""
    for output in outputs:
        path = folder / output["file"]
        if not path.is_file() or path.stat().st_size != output["bytes"]:
            return False
        if path.suffix == ".npy":
            try:
                array = np.load(path, mmap_mode="r", allow_pickle=False)
            except (ValueError, OSError):
                return False
            if list(array.shape) != output["shape"]:
                return False
    return True
