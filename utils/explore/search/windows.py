"""The windows of saved features as rows with their times, in blocks, whatever format they are in."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from utils.config.words import counted
from utils.errors import FeatmillError, RunError, UserError
from utils.run.packs import Saved
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.readback import OutputReader
from utils.sinks.rows import unit, vectors
from utils.state.feature_folders import feature_folders
from utils.state.manifest import Latest
from utils.storage.folder import Folder
from utils.storage.urls import redacted

WINDOW = np.dtype([("video", np.int32), ("row", np.int32), ("start_s", np.float64), ("end_s", np.float64)])
BLOCK_BYTES = 16 << 20


@dataclass(frozen=True)
class WindowBlock:
    """Rows of one or more videos. rows: float32 [n, D], all finite, none of length 0. windows: WINDOW [n]."""

    rows: np.ndarray
    windows: np.ndarray

    @functools.cached_property
    def units(self) -> np.ndarray:
        """The rows divided by their lengths, float32 [n, D]."""
        return unit(self.rows)


@dataclass
class LeftOut:
    """How many windows, and videos, cannot be searched. windows: those without a direction."""

    windows: int = 0
    empty: int = 0
    damaged: int = 0
    other: int = 0

    def __str__(self) -> str:
        parts = (
            (self.windows, "window", "of NaN, infinity or zeros"),
            (self.empty, "video", "without windows"),
            (self.damaged, "video", "whose files cannot be read"),
            (self.other, "video", "with rows of another size, shape or key"),
        )
        return ", ".join(f"{counted(count, noun)} {text}" for count, noun, text in parts if count)


@dataclass(frozen=True)
class Hit:
    """One window. video: its name. path: of its file, as the run was given it. start_s, end_s: None without times.

    row: its number in the video. score: cosine with what was looked for; of outliers, the distance.
    """

    score: float
    video: str
    start_s: float | None
    end_s: float | None
    row: int
    path: str


class SavedWindows:
    """The windows of one feature type and key in an output folder.

    ids: of the videos that were read last, by their numbers in WINDOW. left_out: of them.
    """

    def __init__(self, folder: Folder, root: Folder, latest: Latest, feature: str | None) -> None:
        self.folder, self.latest = folder, latest
        self._reader = OutputReader(folder, root)
        first = _first(latest)
        if first is None:
            raise UserError(f"{folder}: no video there has features")
        self.feature_type = first.stamp.feature_type
        self.feature = _chosen(f"{folder}", first, feature)
        self.ids: list[str] = []
        self.left_out = LeftOut()
        self.n_windows = 0
        self._refusal = ""  # where features are not vectors

    @classmethod
    def at(cls, output: str, feature_type: str | None = None, feature: str | None = None) -> "SavedWindows":
        """Return the windows in an --output_path, or in the folder of one feature type.

        Raises:
            UserError: there are no features, or several types or keys to choose from.
        """
        places = [(_first(latest), folder, root, latest) for folder, root, latest in feature_folders(output)]
        found = {line.stamp.feature_type: (folder, root, latest) for line, folder, root, latest in places if line}
        if not found:
            raise UserError(f"{redacted(output)}: no video there has features")
        wanted = list(found) if feature_type is None else [name for name in found if name == feature_type]
        if len(wanted) != 1:
            choose = f"has features of {' and '.join(found)}: choose one by --feature_type"
            raise UserError(f"{redacted(output)}: {choose}")
        folder, root, latest = found[wanted[0]]
        return cls(folder, root, latest, feature)

    def lines(self) -> Iterator[ManifestLine]:
        """Yield the manifest lines of the videos with features."""
        return (line for line in self.latest if line.outputs)

    def saved(self, line: ManifestLine) -> Saved:
        """Return a video's features. RunError if its files are damaged or gone."""
        return Saved.of(self._reader.read(line.outputs), line.fps)

    def blocks(self) -> Iterator[WindowBlock]:
        """Yield all windows that have a direction. Whatever is left out is counted.

        Raises:
            UserError: there is none.
        """
        self.ids, self.left_out, self.n_windows, self._refusal = [], LeftOut(), 0, ""
        waiting: list[WindowBlock] = []
        n_bytes = size = 0
        for line in self.lines():
            block = self._block(line, size)
            self.ids.append(line.id)
            if block is None:
                continue
            size = block.rows.shape[1]
            self.n_windows += len(block.rows)
            if waiting and n_bytes + block.rows.nbytes > BLOCK_BYTES:
                yield _joined(waiting)
                waiting, n_bytes = [], 0
            waiting.append(block)
            n_bytes += block.rows.nbytes
        if waiting:
            yield _joined(waiting)
        if not self.n_windows:
            raise UserError(self._refusal or f"{self.folder}: no window to search; left out: {self.left_out}")

    def _block(self, line: ManifestLine, size: int) -> WindowBlock | None:
        """Return the windows of a video, None if there are none. size: of earlier rows, 0 if there are none."""
        try:
            saved = self.saved(line)
        except FeatmillError:
            self.left_out.damaged += 1
            return None
        array = saved.features.get(self.feature)
        try:
            rows = None if array is None else self.vectors(array)
        except UserError as error:
            self._refusal, rows = str(error), None
        if rows is not None and not rows.size:
            self.left_out.empty += 1
            return None
        if rows is None or rows.shape[1] != (size or rows.shape[1]):
            self.left_out.other += 1
            return None
        has_direction = np.isfinite(rows).all(axis=1) & rows.any(axis=1)
        self.left_out.windows += int(np.sum(~has_direction))
        windows = _windows(len(self.ids), len(rows), saved)[has_direction]
        return WindowBlock(rows[has_direction], windows) if len(windows) else None

    def vectors(self, array: np.ndarray) -> np.ndarray:
        """Return a row per window, float32 [windows, D]: the mean over crops; one row of features of a whole video.

        Raises:
            UserError: the features are not vectors.
        """
        if array.ndim > 3 or array.dtype.kind not in "fiub":
            shape = f"{array.dtype} {list(array.shape)}"
            raise UserError(f"{self.folder}: {self.feature} holds arrays {shape}, and search needs vectors")
        if array.ndim == 1:
            array = array[None] if array.size else array.reshape(0, 0)
        return vectors(array)

    def hits(self, scores: Sequence[float] | np.ndarray, windows: np.ndarray) -> list[Hit]:
        """Return windows with the names of their videos."""
        return [self._hit(score, *window) for score, window in zip(scores, windows.tolist(), strict=True)]

    def _hit(self, score: float, video: int, row: int, start_s: float, end_s: float) -> Hit:
        line = self.latest.get(self.ids[video])
        if line is None:
            raise RunError(f"{self.folder}: the manifest has changed; search again")
        times = (None, None) if np.isnan(start_s) else (start_s, end_s)
        return Hit(float(score), line.name, *times, row, redacted(line.source.path))


def _first(latest: Latest) -> ManifestLine | None:
    return next((line for line in latest if line.outputs), None)


def _chosen(place: str, line: ManifestLine, feature: str | None) -> str:
    """Return the key to search. Raises UserError where there are several, or not the one asked for."""
    keys = list(line.features)
    if feature in keys or (feature is None and len(keys) == 1):
        return feature or keys[0]
    raise UserError(f"{place}: has {' and '.join(keys)}: choose one by --feature")


def _windows(video: int, n: int, saved: Saved) -> np.ndarray:
    windows = np.zeros(n, WINDOW)
    windows["video"], windows["row"] = video, np.arange(n)
    start_s, end_s = saved.start_s, saved.end_s
    if start_s is None or end_s is None or not len(start_s) or n not in (1, len(start_s)):
        start_s = end_s = np.array([np.nan] * n)
    windows["start_s"], windows["end_s"] = start_s[:n], end_s[-n:]
    return windows


def _joined(blocks: Sequence[WindowBlock]) -> WindowBlock:
    if len(blocks) == 1:
        return blocks[0]
    return WindowBlock(np.concatenate([one.rows for one in blocks]), np.concatenate([one.windows for one in blocks]))
