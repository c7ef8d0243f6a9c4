"""Rows back into one array per video and key, in the order of the windows, whatever order they came in."""

import tempfile
from pathlib import Path
from typing import Protocol

import numpy as np

from utils.errors import RunError
from utils.worker.window_builder import WindowInput


class Column(Protocol):
    """The rows of one output."""

    def put(self, row: int, value: np.ndarray) -> None:
        """Take the value of one window."""
        ...

    def array(self) -> np.ndarray:
        """Return all rows as one array, [windows, ...]."""
        ...


class InMemory:
    """Rows as they come, in any order."""

    def __init__(self) -> None:
        self._rows: dict[int, np.ndarray] = {}

    def put(self, row: int, value: np.ndarray) -> None:
        """Take the value of one window."""
        self._rows[row] = value

    def array(self) -> np.ndarray:
        """Return the rows in order, stacked."""
        return np.stack([self._rows[row] for row in sorted(self._rows)])


class OnDisk:
    """Rows too large for memory, appended to a file without a name, which is gone when the process is."""

    def __init__(self, folder: Path | None) -> None:
        try:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - lives as long as the array made of it
        except OSError as error:
            raise RunError(f"{folder or tempfile.gettempdir()}: cannot be written ({error.strerror})") from error
        self._shape: tuple[int, ...] = ()
        self._dtype = np.dtype(np.float32)
        self._n_rows = 0

    def put(self, row: int, value: np.ndarray) -> None:
        """Append the value of the next window."""
        if row != self._n_rows:
            raise ValueError(f"row {row} came where {self._n_rows} was expected")
        self._shape, self._dtype = value.shape, value.dtype
        try:
            self._file.write(np.ascontiguousarray(value).data)
        except OSError as error:
            raise RunError(
                f"rows cannot be kept on disk ({error.strerror}): make room, run the command again"
            ) from error
        self._n_rows += 1

    def array(self) -> np.ndarray:
        """Return the rows as an array that is read from disk as it is used."""
        self._file.flush()
        return np.memmap(self._file, self._dtype, "r", shape=(self._n_rows, *self._shape))


class Rows:
    """Collects the rows of one video until every window has come back from the network.

    spill: folder for rows that are kept on disk, where `streamed` asks for it; None for the system's.
    """

    def __init__(self, keys: tuple[str, ...], streamed: bool = False, spill: Path | None = None) -> None:
        self._columns: dict[str, Column] = {key: OnDisk(spill) if streamed else InMemory() for key in keys}
        self._times_s: dict[int, tuple[float, float]] = {}  # of each window's first and last frame
        self.n_repeated = 0  # frames shown again to fill windows

    def add(self, window: WindowInput, values: dict[str, np.ndarray]) -> None:
        """Take the outputs of one window, each [...]."""
        for key, column in self._columns.items():
            column.put(window.row, values[key])
        self._times_s[window.row] = (window.start_s, window.end_s)
        self.n_repeated += window.n_repeated

    def __len__(self) -> int:
        return len(self._times_s)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return one array per key, [windows, ...]."""
        return {key: column.array() for key, column in self._columns.items()}

    def times_s(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the times of each window's first and last frame in seconds, float64 [windows] both."""
        times_s = np.array([self._times_s[row] for row in sorted(self._times_s)], np.float64).reshape(-1, 2)
        return times_s[:, 0].copy(), times_s[:, 1].copy()

    def timestamps_ms(self, with_first: bool = False) -> np.ndarray:
        """Return the time of each window's last frame in milliseconds, float64 [windows].

        with_first: put the video's first frame before them, [windows + 1]: where windows are pairs of neighbours, these
            are the times of all frames.
        """
        start_s, end_s = self.times_s()
        return 1000 * (np.concatenate([start_s[:1], end_s]) if with_first else end_s)
