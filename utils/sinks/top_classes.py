"""The best classes of each window, as --show_pred prints them: a file beside the features of a video."""

import io
import zipfile
from array import array
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from utils.errors import RunError
from utils.storage.folder import Folder

FOLDER = "top_classes/"
MOST_BYTES = 1 << 28  # of a file that is read
DAMAGE = (OSError, EOFError, ValueError, KeyError, IndexError, TypeError, zipfile.BadZipFile, MemoryError)

Best = tuple[str, float, float]  # name, probability, logit


class Classes(NamedTuple):
    """The best classes of the windows of one key. names: [n]. best: int32 [windows, 5], numbers of names.

    probabilities: float32 [windows, 5].
    """

    names: list[str]
    best: np.ndarray
    probabilities: np.ndarray


class _Columns:
    """The windows of one key, as numbers without Python objects: there may be a million."""

    def __init__(self) -> None:
        self.rows, self.spans_s = array("q"), array("d")
        self.best, self.probabilities, self.logits = array("i"), array("f"), array("f")

    def sorted(self, values: "array[Any]", order: np.ndarray) -> np.ndarray:
        """Return one of the columns, [windows, numbers per window], by window."""
        return np.array(values).reshape(len(order), -1)[order]


class TopClasses:
    """Collects the best classes of one video's windows, in any order."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}  # by name of a class
        self._columns: dict[str, _Columns] = {}

    def add(self, row: int, span_s: tuple[float, float], key: str, best: Sequence[Best]) -> None:
        """Take the best classes of one window and key: as many for each window."""
        columns = self._columns.setdefault(key, _Columns())
        columns.rows.append(row)
        columns.spans_s.extend(span_s)
        columns.best.extend(self._numbers.setdefault(name, len(self._numbers)) for name, _, _ in best)
        columns.probabilities.extend(share for _, share, _ in best)
        columns.logits.extend(logit for *_, logit in best)

    def write(self, folder: Folder, name: str) -> str:
        """Write them, whole or not at all; return the file's name. RunError if the folder cannot be written."""
        arrays: dict[str, np.ndarray] = {"names": np.array(list(self._numbers))}
        for key, columns in self._columns.items():
            order = np.argsort(np.array(columns.rows), kind="stable")
            spans_s = columns.sorted(columns.spans_s, order)
            arrays |= {
                "start_s": spans_s[:, 0],
                "end_s": spans_s[:, 1],
                f"{key}/class": columns.sorted(columns.best, order),
                f"{key}/probability": columns.sorted(columns.probabilities, order),
                f"{key}/logit": columns.sorted(columns.logits, order),
            }
        content = io.BytesIO()
        # older NumPy would save `allow_pickle=False` as an array
        np.savez_compressed(content, **arrays)  # pyright: ignore[reportArgumentType]
        file = f"{FOLDER}{name}.npz"
        with folder.whole(file) as output:
            output.write(content.getbuffer())
        return file


def is_whole(folder: Folder, file: str) -> bool:
    """Return whether a file is there, with a table of contents at its end."""
    try:
        with folder.open(file) as stream, zipfile.ZipFile(stream) as archive:
            return "names.npy" in archive.namelist()
    except DAMAGE:
        return False


def read(folder: Folder, file: str) -> tuple[np.ndarray, np.ndarray, dict[str, Classes]]:
    """Return start and end of each window in seconds, float64 [windows], and the best classes by key.

    Raises:
        RunError: the file is damaged, gone, too large, or not one of these.
    """
    path = PurePosixPath(file)
    try:
        if path.parts[:1] != (FOLDER[:-1],) or ".." in path.parts:
            raise ValueError("not a file of top classes")
        if (folder.size(file) or 0) > MOST_BYTES:
            raise ValueError("too large")
        with folder.open(file) as stream, zipfile.ZipFile(stream) as archive:
            if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
                raise ValueError("too large")
        with folder.open(file) as stream, np.load(stream, allow_pickle=False) as arrays:
            names = [str(name) for name in arrays["names"]]
            start_s, end_s = arrays["start_s"].astype(np.float64), arrays["end_s"].astype(np.float64)
            keys = [name.removesuffix("/class") for name in arrays.files if name.endswith("/class")]
            found = {key: Classes(names, arrays[f"{key}/class"], arrays[f"{key}/probability"]) for key in keys}
        for each in found.values():
            _check(each, len(start_s), len(end_s))
    except DAMAGE as error:
        raise RunError(f"{folder}/{file}: its classes cannot be read ({error})") from error
    return start_s, end_s, found


def _check(classes: Classes, *lengths: int) -> None:
    best, shares = classes.best, classes.probabilities
    is_whole = best.ndim == 2 and best.shape == shares.shape and {len(best)} == set(lengths)
    if not is_whole or best.dtype.kind != "i" or shares.dtype.kind != "f":
        raise ValueError("arrays of other shapes")
    if best.size and not (0 <= best.min() <= best.max() < len(classes.names)):
        raise ValueError("classes without a name")
