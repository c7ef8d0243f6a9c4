"""Rows back into one array per video and key, in the order of the windows, whatever order they came in."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from utils.cut import Cut
from utils.sources.paths import VideoRef


@dataclass(frozen=True)
class Record:
    """All that came of one video: its arrays, and what the manifest says about it.

    arrays: key → float32 [windows, D], and "fps" float64 [], "timestamps_ms" float64 [windows] for video.
    status: "done", or "partial" where the file holds less than it promises.
    """

    ref: VideoRef
    arrays: dict[str, np.ndarray]
    status: str
    reason: str
    facts: dict[str, Any] = field(default_factory=dict)


class Rows:
    """Collects the rows of one video until every window has come back from the network."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._rows: dict[str, dict[int, np.ndarray]] = {key: {} for key in keys}
        self._end_s: dict[int, float] = {}
        self.n_repeated = 0  # frames shown again to fill windows

    def add(self, cut: Cut, values: dict[str, np.ndarray]) -> None:
        """Take the outputs of one window, each [D]."""
        for key, rows in self._rows.items():
            rows[cut.row] = values[key]
        self._end_s[cut.row] = cut.end_s
        self.n_repeated += cut.n_repeated

    def __len__(self) -> int:
        return len(self._end_s)

    def arrays(self, fps: float | None) -> dict[str, np.ndarray]:
        """Return one array per key, and with `fps` the frame rate and the time of each window's last frame."""
        order = sorted(self._end_s)
        arrays = {key: np.stack([rows[row] for row in order]) for key, rows in self._rows.items()}
        if fps is not None:
            arrays["fps"] = np.array(fps, np.float64)
            arrays["timestamps_ms"] = np.array([1000 * self._end_s[row] for row in order], np.float64)
        return arrays
