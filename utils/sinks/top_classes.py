"""The best classes of each window, as --show_pred prints them: a file beside the features of a video."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

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


@dataclass
class TopClasses:
    """Collects the best classes of one video's windows, in any order."""

    _spans_s: dict[int, tuple[float, float]] = field(default_factory=dict[int, tuple[float, float]])
    _best: dict[str, dict[int, Sequence[Best]]] = field(default_factory=dict[str, dict[int, Sequence[Best]]])

    def add(self, row: int, span_s: tuple[float, float], key: str, best: Sequence[Best]) -> None:
        """Take the best classes of one window and key."""
        self._spans_s[row] = span_s
        self._best.setdefault(key, {})[row] = best

    def write(self, folder: Folder, name: str) -> str:
        """Write them, whole or not at all; return the file's name. RunError if the folder cannot be written."""
        numbers: dict[str, int] = {}
        rows = sorted(self._spans_s)
        spans_s = np.array([self._spans_s[row] for row in rows], np.float64).reshape(-1, 2)
        arrays: dict[str, np.ndarray] = {"start_s": spans_s[:, 0], "end_s": spans_s[:, 1]}
        for key, by_row in self._best.items():
            best = [by_row[row] for row in rows]
            arrays[f"{key}/class"] = np.array(
                [[numbers.setdefault(name, len(numbers)) for name, _, _ in each] for each in best], np.int32
            )
            arrays[f"{key}/probability"] = np.array([[share for _, share, _ in each] for each in best], np.float32)
            arrays[f"{key}/logit"] = np.array([[logit for *_, logit in each] for each in best], np.float32)
        content = io.BytesIO()
        np.savez_compressed(content, allow_pickle=False, names=np.array(list(numbers)), **arrays)
        file = f"{FOLDER}{name}.npz"
        with folder.whole(file) as output:
            output.write(content.getbuffer())
        return file


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
