"""Where features go: printed, or written whole as files."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import numpy as np

from utils.files import whole_file

if TYPE_CHECKING:  # it imports torch, which the main process does without
    from utils.assemble import Record

Output = dict[str, Any]  # one written file, as the manifest describes it
SINGLE = "features"  # what an .npz file calls the features of a model with one output


class Sink(Protocol):
    """Takes finished videos."""

    def write(self, record: "Record") -> list[Output]:
        """Put all of a video's arrays in place; return what was written.

        Raises:
            RunError: the disk is full, or the folder cannot be written.
        """
        ...


class PrintSink:
    """Shows each array and its range, and leaves no file."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show

    def write(self, record: "Record") -> list[Output]:
        """Show the record as text."""
        lines = [record.ref.path]
        for key, array in record.arrays.items():
            lines += [key, str(array), f"shape: {list(array.shape)}; {_range(array)}"]
        self._show("\n".join(lines) + "\n")
        return []


def _range(array: np.ndarray) -> str:
    return f"max: {array.max():.8f}; mean: {array.mean():.8f}; min: {array.min():.8f}"


class ArraySink:
    """Writes <folder>/<name>_<key><suffix> for every key."""

    def __init__(self, folder: Path, suffix: str, save: Callable[[BinaryIO, np.ndarray], None]) -> None:
        self._folder = folder
        self._suffix = suffix
        self._save = save

    def write(self, record: "Record") -> list[Output]:
        """Write the record's arrays, each whole or not at all."""
        outputs = []
        for key, array in record.arrays.items():
            path = self._folder / f"{record.ref.name}_{key}{self._suffix}"
            with whole_file(path) as file:
                self._save(file, array)
            outputs.append(_described(path, self._folder, {key: array}))
        return outputs


class NpzSink:
    """Writes <folder>/<name>.npz with every key, and the model's own facts such as clip_length."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, record: "Record") -> list[Output]:
        """Write the record as one file."""
        path = self._folder / f"{record.ref.name}.npz"
        arrays = {SINGLE if [key] == record.features else key: array for key, array in record.arrays.items()}
        with whole_file(path) as file:
            np.savez(file, **arrays, **{name: np.array(value) for name, value in record.facts.items()})
        return [_described(path, self._folder, record.arrays)]


def _described(path: Path, folder: Path, arrays: dict[str, np.ndarray]) -> Output:
    return {
        "file": path.relative_to(folder).as_posix(),
        "bytes": path.stat().st_size,
        "arrays": {key: {"shape": list(array.shape), "dtype": str(array.dtype)} for key, array in arrays.items()},
    }


def _save_numpy(file: BinaryIO, array: np.ndarray) -> None:
    np.save(file, array, allow_pickle=False)


def _save_pickle(file: BinaryIO, array: np.ndarray) -> None:
    pickle.dump(np.asarray(array), file)


def make_sink(kind: str, folder: Path, show: Callable[[str], None]) -> Sink:
    """Return the sink for a value of --on_extraction."""
    if kind == "print":
        return PrintSink(show)
    if kind == "save_npz":
        return NpzSink(folder)
    suffix, save = {"save_numpy": (".npy", _save_numpy), "save_pickle": (".pkl", _save_pickle)}[kind]
    return ArraySink(folder, suffix, save)


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
            if [list(array.shape)] != [described["shape"] for described in output["arrays"].values()]:
                return False
    return True


def read_outputs(folder: Path, outputs: list[Output]) -> dict[str, np.ndarray]:
    """Return the arrays that a sink wrote, by key."""
    arrays: dict[str, np.ndarray] = {}
    for output in outputs:
        path, keys = folder / output["file"], list(output["arrays"])
        if path.suffix == ".npy":
            arrays[keys[0]] = np.load(path, allow_pickle=False)
        elif path.suffix == ".pkl":
            arrays[keys[0]] = pickle.loads(path.read_bytes())  # the manifest says that this program wrote it
        else:
            with np.load(path, allow_pickle=False) as file:
                arrays |= {key: file[key if key in file else SINGLE] for key in keys}
    return arrays
