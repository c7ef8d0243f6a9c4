"""The windows of all videos of one feature type: a sample of them for the map, all of them for nearest neighbours."""

import contextlib
import functools
import importlib.util
import math
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from utils.errors import RunError
from utils.explore.view.collection import DAMAGE, Collection
from utils.explore.view.numbers import clusters, listed, principal, subspace
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.rows import unit, vectors

MAPPED = 20_000  # windows on the map
MAPPED_VIDEOS = 500  # that these come from
MOST_BYTES = 9 << 29  # of vectors held to find the nearest: of more, every second, third ... row
MOST_DIMENSIONS = 1 << 15  # of a row: a flow field has more
MOST_S = 1e9  # of a time: damaged files have others
CLUSTERS = 8
BASIS = 64  # dimensions in which vectors are compared first
LEAST_FOR_UMAP = 20  # windows: fewer have too few neighbours
LIKELY = 1024  # windows that are compared whole first
TOLERANCE = 1e-4  # of bounds, for rounding
LEAST_AGE_S = 60.0  # of what was read, before it is read again during a run
NEAREST = 6  # windows that are shown
OWN = 3  # of the nearest windows that may come from the same video


@dataclass
class WindowVectors:
    """Rows of many videos. vectors: float32 [n, D] of length 1. total: how many there are of which these are some."""

    number: np.ndarray
    row: np.ndarray
    start_s: np.ndarray
    end_s: np.ndarray
    vectors: np.ndarray
    total: int = 0

    def nearest(self, vector: np.ndarray, without: tuple[int, float, float], n: int) -> list[tuple[int, float]]:
        """Return the n windows most similar to a vector of length 1 and their cosines, OWN of its video at most.

        without: a video's number, and the seconds in it to leave out.
        """
        number, start_s, end_s = without
        own = np.flatnonzero(self.number == number)
        far = own[(self.start_s[own] > end_s) | (self.end_s[own] < start_s)]
        bounds = self._bounds(vector)
        bounds[own] = -np.inf
        found = [*_best(far, self.vectors[far] @ vector, OWN), *self._nearest(vector, bounds, n)]
        return sorted(found, key=lambda hit: -hit[1])[:n]

    def _nearest(self, vector: np.ndarray, bounds: np.ndarray, n: int) -> list[tuple[int, float]]:
        """Return the n most similar windows: exactly, since none with a bound below theirs can be among them."""
        likely = np.argpartition(bounds, -min(len(bounds), LIKELY))[-LIKELY:] if len(bounds) else np.zeros(0, int)
        scores = np.where(np.isfinite(bounds[likely]), self.vectors[likely] @ vector, -np.inf)
        if len(likely) > n:
            likely = np.flatnonzero(bounds >= max(-2.0, np.partition(scores, -n)[-n]))
            scores = self._cosines(likely, vector)
        return _best(likely, scores, n)

    def _cosines(self, chosen: np.ndarray, vector: np.ndarray) -> np.ndarray:
        few = len(chosen) < len(self.vectors) // 4
        return self.vectors[chosen] @ vector if few else (self.vectors @ vector)[chosen]

    @functools.cached_property
    def _parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A basis, vectors within it, and the lengths of what is outside it."""
        basis = subspace(self.vectors, BASIS)
        inside = self.vectors @ basis
        return basis, inside, np.sqrt(np.maximum(0, 1 - np.square(inside).sum(axis=1)))

    def _bounds(self, vector: np.ndarray) -> np.ndarray:
        """Return upper bounds of the cosines with a vector: what is outside the basis could point the same way."""
        basis, inside, outside = self._parts
        part = vector @ basis
        return inside @ part + outside * np.sqrt(max(0.0, 1 - float(part @ part))) + TOLERANCE

    def prepare(self) -> None:
        """Compute what `nearest` needs, before the first query waits for it."""
        self._bounds(np.zeros(self.vectors.shape[1], np.float32))


def _best(chosen: np.ndarray, scores: np.ndarray, n: int) -> list[tuple[int, float]]:
    order = np.argsort(-scores)[:n]
    return [(int(chosen[i]), float(scores[i])) for i in order if np.isfinite(scores[i])]


def times_of(
    arrays: dict[str, np.ndarray], n_rows: int, line: ManifestLine, length_s: float = 0.0
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return start and end of each row in seconds, and whether they are known.

    Without saved times, rows share what was extracted evenly, and a row of a whole video has all of it.
    length_s: of the file, where the manifest does not say how much was extracted.
    """
    start_s, end_s = arrays.get("start_s"), arrays.get("end_s")
    if start_s is not None and end_s is not None and len(start_s) == len(end_s) == n_rows:
        start_s, end_s = (np.nan_to_num(each.astype(np.float64)).clip(-MOST_S, MOST_S) for each in (start_s, end_s))
        return start_s, end_s, True
    begin_s, extracted_s = _first_sane((line.source.segment or ())[:1]), _first_sane((line.length_s, length_s))
    edges = begin_s + np.linspace(0, extracted_s or n_rows, n_rows + 1)
    return edges[:-1], edges[1:], n_rows == 1 != line.windows and extracted_s > 0


def _first_sane(times_s: Sequence[object]) -> float:
    """Return the first time above 0, 0 if there is none: manifests may hold anything."""
    return next((float(each) for each in times_s if isinstance(each, int | float) and 0 < each < MOST_S), 0.0)


def rows_of(array: np.ndarray, line: ManifestLine) -> np.ndarray:
    """Return an array as rows [n, ...]: one where it has none per window."""
    return array if array.ndim > 1 and len(array) == line.windows else array[None]


def are_vectors(rows: np.ndarray) -> bool:
    """Return whether rows hold real numbers, which can be compared."""
    return rows.dtype.kind in "fiub"


def read_windows(
    collection: Collection, index: int, key: str, most_videos: int | None, most: int, progress: "Progress | None" = None
) -> WindowVectors:
    """Return windows of a feature type, evenly chosen. Videos that cannot be read are left out."""
    videos = collection.with_features(index)
    total = sum(max(1, n) for _, n in videos)
    if most_videos is not None and len(videos) > most_videos:
        videos = [videos[i] for i in np.linspace(0, len(videos) - 1, most_videos).astype(int)]
    if progress is not None:
        progress.n_videos = len(videos)
    n_rows = sum(max(1, n) for _, n in videos)
    while True:
        gathered = _Gathered(total, n_rows, most, key)
        for read, (number, _) in enumerate(videos, 1):
            place = collection.place(number)
            with contextlib.suppress(*DAMAGE):  # the video's own view says what it is
                if place is not None:
                    gathered.add(number, place[1], place[0].read(place[1]))
            if progress is not None:
                progress.read = read
        if 2 * gathered.n_seen >= n_rows or gathered.step <= 1:
            return gathered.windows()
        n_rows = gathered.n_seen  # the manifest promises more: with its number, too few would be chosen


class _Gathered:
    """Collects rows in an array of the final size: two copies of all vectors would take too much memory."""

    def __init__(self, total: int, n_rows: int, most: int, key: str) -> None:
        self._total, self._n_rows, self._most, self._key = total, n_rows, most, key
        self.step = self.n_seen = 0
        self._vectors = np.zeros((0, 1), np.float32)
        self._about: list[np.ndarray] = []
        self._n = 0

    def add(self, number: int, line: ManifestLine, arrays: dict[str, np.ndarray]) -> None:
        rows = rows_of(arrays[self._key], line)
        if not are_vectors(rows):
            return
        width = vectors(rows[:1]).shape[1]
        if not self.step:
            if not 0 < width <= MOST_DIMENSIONS:
                return
            most = min(self._most, MOST_BYTES // (4 * width))
            self.step = max(1, -(-self._n_rows // most))
            self._vectors = np.empty((-(-self._n_rows // self.step), width), np.float32)
        self.n_seen += len(rows)
        chosen = np.arange(-self._n % self.step, len(rows), self.step)
        room = len(self._vectors) - self._n
        if width != self._vectors.shape[1] or not len(chosen) or room < 1:
            return
        chosen = chosen[:room]
        start_s, end_s, _ = times_of(arrays, len(rows), line)
        self._vectors[self._n : self._n + len(chosen)] = unit(vectors(rows[chosen]))
        self._n += len(chosen)
        numbers = np.full(len(chosen), number)
        self._about.append(np.stack([numbers, chosen, start_s[chosen], end_s[chosen]], axis=1))

    def windows(self) -> WindowVectors:
        about = np.concatenate(self._about) if self._about else np.zeros((0, 4))
        number, row = about[:, 0].astype(np.int32), about[:, 1].astype(np.int32)
        start_s, end_s = about[:, 2].astype(np.float32), about[:, 3].astype(np.float32)
        return WindowVectors(number, row, start_s, end_s, self._vectors[: self._n], self._total)


def has_umap() -> bool:
    """Return whether UMAP is installed, which takes longer, and shows groups that principal components hide."""
    return importlib.util.find_spec("umap") is not None


def map_of(windows: WindowVectors, by_umap: bool = False) -> dict[str, Any]:
    """Return windows as points: the first two principal components, or UMAP's; and clusters by the first eight."""
    scores, shares = principal(windows.vectors, 8) if len(windows.row) else (np.zeros((0, 8)), np.zeros(8))
    points = _umap(windows.vectors) if by_umap and len(scores) >= LEAST_FOR_UMAP else scores
    return {
        "total": windows.total,
        "x": listed(points[:, 0]),
        "y": listed(points[:, 1]),
        "number": windows.number.tolist(),
        "row": windows.row.tolist(),
        "start_s": listed(windows.start_s, 2),
        "end_s": listed(windows.end_s, 2),
        "cluster": clusters(scores, CLUSTERS).tolist(),
        "shares": listed(shares[:2]),
    }


def _umap(vectors: np.ndarray) -> np.ndarray:
    if "tensorflow" not in sys.modules:  # UMAP would import it, and its LLVM crashes a process that has loaded numba's
        sys.modules["tensorflow"] = cast(Any, None)
    library = importlib.import_module("umap")
    return library.UMAP(n_components=2, metric="cosine", random_state=0, n_jobs=1).fit_transform(vectors)


@dataclass
class Progress:
    """How many videos have been read."""

    read: int = 0
    n_videos: int = 0


class WindowIndex:
    """All windows of one key, read in a thread when first asked for."""

    def __init__(self, collection: Collection, folder: int, key: str) -> None:
        self._collection, self._folder, self._key = collection, folder, key
        self._version = collection.version
        self._started_s = time.monotonic()
        self.progress = Progress()
        self._windows: WindowVectors | None = None
        self._failure = ""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def is_outdated(self) -> bool:
        """Return whether a run has added windows, and the last reading was long enough ago to read all again."""
        took_s = self._took_s if self._windows is not None else math.inf
        is_old = time.monotonic() - self._started_s > max(LEAST_AGE_S, 20 * took_s)
        return is_old and self._collection.version != self._version

    def ready(self, wait: bool = False) -> WindowVectors | None:
        """Return the windows; None while they are read. RunError if they cannot be."""
        if wait:
            self._thread.join()
        if self._failure:
            raise RunError(self._failure)
        return self._windows

    def _read(self) -> None:
        try:
            most = MOST_BYTES // 4
            windows = read_windows(self._collection, self._folder, self._key, None, most, self.progress)
            windows.prepare()
            self._took_s = time.monotonic() - self._started_s
            self._windows = windows
        except DAMAGE as error:
            self._failure = f"the windows cannot be read: {str(error) or type(error).__name__}"


def pairs(windows: WindowVectors, hits: list[tuple[int, float]]) -> list[dict[str, Any]]:
    """Return the windows that were found, for JSON."""
    return [
        {"number": int(windows.number[i]), "row": int(windows.row[i]), "start_s": round(float(windows.start_s[i]), 3),
         "end_s": round(float(windows.end_s[i]), 3), "cosine": round(score, 4)}
        for i, score in hits
    ]  # fmt: skip


def nearest(index: WindowIndex, vector: np.ndarray, without: tuple[int, float, float]) -> list[dict[str, Any]]:
    """Return the windows most similar to a vector, those of a video that overlap some of its seconds left out."""
    windows = index.ready(wait=True)
    return [] if windows is None else pairs(windows, windows.nearest(vector, without, NEAREST))
