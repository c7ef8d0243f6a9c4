"""Rows back into one array per video and key, in the order of the windows, whatever order they came in."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from utils.errors import RunError
from utils.extractors.windows import Dense
from utils.worker.row_pool import RowPool
from utils.worker.window_builder import Windows

LOGITS = "logits/"  # begins the keys of an extractor's outputs that are only shown


class Column(Protocol):
    """The rows of one output."""

    def put(self, row: int, values: np.ndarray) -> None:
        """Take the values of windows from `row` on, [n, ...]."""
        ...

    def array(self) -> np.ndarray:
        """Return all rows as one array, [windows, ...]."""
        ...


class InMemory:
    """Rows as they come, in any order."""

    def __init__(self) -> None:
        self._rows: dict[int, np.ndarray] = {}

    def put(self, row: int, values: np.ndarray) -> None:
        """Take the values of windows from `row` on, [n, ...]."""
        self._rows[row] = values

    def array(self) -> np.ndarray:
        """Return the rows in order."""
        return np.concatenate([self._rows[row] for row in sorted(self._rows)])


class OnDisk:
    """Rows too large for memory, appended to a file without a name, which is gone when the process is."""

    def __init__(self, folder: Path | None) -> None:
        try:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed once it is mapped
        except OSError as error:
            raise RunError(f"{folder or tempfile.gettempdir()}: cannot be written ({error.strerror})") from error
        self._shape: tuple[int, ...] = ()
        self._dtype = np.dtype(np.float32)
        self._n_rows = 0

    def put(self, row: int, values: np.ndarray) -> None:
        """Append the values of the next windows, [n, ...]."""
        if row != self._n_rows:
            raise ValueError(f"row {row} came where {self._n_rows} was expected")
        self._shape, self._dtype = values.shape[1:], values.dtype
        try:
            self._file.write(np.ascontiguousarray(values).data)
        except OSError as error:
            raise RunError(
                f"rows cannot be kept on disk ({error.strerror}): make room, run the command again"
            ) from error
        self._n_rows += len(values)

    def array(self) -> np.ndarray:
        """Return the rows as an array that is read from disk as it is used; changes stay in memory. The last call."""
        with self._file:
            self._file.flush()
            return np.memmap(self._file, self._dtype, "c", shape=(self._n_rows, *self._shape))


class Rows:
    """Collects the rows of one video until every window has come back from the network.

    spill: folder for rows that are kept on disk, where `streamed` asks for it; None for the system's.
    pooling: windows of rows, whose means are kept instead of the rows.
    predicted: called with each row's number, its start and end in seconds, and its logits by key, where there are any.
    """

    def __init__(
        self,
        keys: tuple[str, ...],
        streamed: bool = False,
        spill: Path | None = None,
        pooling: Dense | None = None,
        predicted: Callable[[int, tuple[float, float], dict[str, np.ndarray]], None] | None = None,
    ) -> None:
        self._predicted = predicted
        self._pool = RowPool(pooling) if pooling else None
        self._columns: dict[str, Column] = {key: OnDisk(spill) if streamed else InMemory() for key in keys}
        self._times_s: dict[int, np.ndarray] = {}  # of each window's first and last frame, [2, n]
        self._n_rows = 0
        self.n_made = 0  # rows to save
        self.n_repeated = 0  # frames shown again to fill windows

    def add(self, windows: Windows, values: dict[str, np.ndarray]) -> int:
        """Take the outputs of windows, each [n, ...]: features by key, and "logits/<key>" where there are classes.

        Return how many rows to save that makes; with `pooling`, fewer than it takes.
        """
        self._n_rows += len(windows)
        before = self.n_made
        for rows in self._pool.push(windows, values) if self._pool else [(windows, values)]:
            self._put(*rows)
        return self.n_made - before

    def close(self) -> int:
        """Pool the last rows, once all are there; return how many rows to save that makes."""
        before = self.n_made
        for rows in self._pool.finish() if self._pool else ():
            self._put(*rows)
        return self.n_made - before

    def _put(self, windows: Windows, values: dict[str, np.ndarray]) -> None:
        for key, column in self._columns.items():
            column.put(windows.row, values[key])
        self._times_s[windows.row] = np.stack([windows.start_s, windows.end_s])
        self.n_made += len(windows)
        self.n_repeated += windows.n_repeated
        logits = {key.removeprefix(LOGITS): array for key, array in values.items() if key.startswith(LOGITS)}
        if logits and self._predicted is not None:
            for i, span_s in enumerate(zip(windows.start_s.tolist(), windows.end_s.tolist(), strict=True)):
                self._predicted(windows.row + i, span_s, {key: array[i] for key, array in logits.items()})

    def __len__(self) -> int:
        """How many windows have come back."""
        return self._n_rows

    def arrays(self) -> dict[str, np.ndarray]:
        """Return one array per key, [windows, ...]."""
        return {key: column.array() for key, column in self._columns.items()}

    def times_s(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the times of each window's first and last frame in seconds, float64 [windows] both."""
        blocks = [self._times_s[row] for row in sorted(self._times_s)]
        start_s, end_s = np.concatenate(blocks, axis=1, dtype=np.float64)
        return start_s.copy(), end_s.copy()

    def timestamps_ms(self, with_first: bool = False) -> np.ndarray:
        """Return the time of each window's last frame in milliseconds, float64 [windows].

        with_first: put the video's first frame before them, [windows + 1]: where windows are pairs of neighbours, these
            are the times of all frames.
        """
        start_s, end_s = self.times_s()
        return 1000 * (np.concatenate([start_s[:1], end_s]) if with_first else end_s)
