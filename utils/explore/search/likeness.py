"""Near-duplicates: windows that are like those of other videos. Outliers: windows that are like none."""

import contextlib
import tempfile
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from utils.explore.search.windows import WINDOW, SavedWindows, WindowBlock

IN_MEMORY = 512 << 20  # bytes of rows that are kept in memory; more go to a temporary file
ROWS = 2048  # of a block of comparisons
NEIGHBOURS = 5
REFERENCES = 20_000  # windows with which each is compared to find outliers: all, or a seeded sample
SAMPLE = 2000  # windows whose pairs show how alike two windows usually are


@dataclass(frozen=True)
class Packed:
    """All windows of a collection in one array. units: float32 [N, D], of length 1. windows: WINDOW [N]."""

    units: np.ndarray
    windows: np.ndarray


@contextlib.contextmanager
def packed(collection: SavedWindows) -> Generator[Packed, None, None]:
    """Yield all windows. Many are in a temporary file, and in memory only where they are used."""
    windows: list[np.ndarray] = []
    with tempfile.TemporaryDirectory(prefix="featmill-") as folder:
        path = Path(folder, "rows")
        size = 0
        with path.open("wb") as file:
            for block in collection.blocks():
                file.write(block.units.tobytes())
                windows.append(block.windows)
                size = block.units.shape[1]
        shape = (sum(map(len, windows)), size)
        mapped = np.memmap(path, np.float32, "r", shape=shape)
        yield Packed(np.array(mapped) if mapped.nbytes <= IN_MEMORY else mapped, np.concatenate(windows))


@dataclass(frozen=True)
class GroupPart:
    """One video's windows in a group: their numbers in `Packed`, in the order of time."""

    video: int
    members: np.ndarray


@dataclass(frozen=True)
class DuplicateGroup:
    """Windows of several videos that are alike. score: the median over windows of the cosine with the best other."""

    score: float
    parts: tuple[GroupPart, ...]


def duplicates(all_windows: Packed, least: float) -> list[DuplicateGroup]:
    """Return windows that are like one of another video, in groups, the one with the most windows first.

    Two windows are in a group if they, or a chain of windows between them, have a cosine of at least `least`; groups of
    the same videos are one. Windows of one video alone are no group: neighbours are always alike.
    """
    video = all_windows.windows["video"]
    parent = np.arange(len(video))
    best = np.full(len(video), -np.inf, np.float32)
    for rows, columns, scores in _products(all_windows.units):
        is_pair = (scores >= least) & (video[rows, None] != video[None, columns])
        found = np.where(is_pair, scores, -np.inf)
        best[rows] = np.maximum(best[rows], found.max(axis=1))
        best[columns] = np.maximum(best[columns], found.max(axis=0))
        for i in np.flatnonzero(is_pair.any(axis=1)):
            _unite(parent, np.append(np.flatnonzero(is_pair[i]) + columns.start, i + rows.start))
    members = np.flatnonzero(best >= least)
    return _groups(all_windows, members, _roots(parent, members), best)


def _products(units: np.ndarray) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """Yield the cosines of all pairs of windows, in blocks."""
    blocks = [slice(start, min(start + ROWS, len(units))) for start in range(0, len(units), ROWS)]
    for i, rows in enumerate(blocks):
        for columns in blocks[i:]:
            yield rows, columns, units[rows] @ units[columns].T


def _roots(parent: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    roots = parent[numbers]
    while not np.array_equal(further := parent[roots], roots):
        roots = further
    parent[numbers] = roots
    return roots


def _unite(parent: np.ndarray, numbers: np.ndarray) -> None:
    roots = _roots(parent, numbers)
    parent[roots] = roots.min()


def _groups(all_windows: Packed, members: np.ndarray, roots: np.ndarray, best: np.ndarray) -> list[DuplicateGroup]:
    """Return groups of windows, those of the same videos as one."""
    by_videos: dict[tuple[int, ...], list[np.ndarray]] = {}
    order = np.argsort(roots, kind="stable")
    bounds = np.flatnonzero(np.diff(roots[order])) + 1
    for group in np.split(members[order], bounds) if len(members) else ():
        videos = tuple(np.unique(all_windows.windows["video"][group]).tolist())
        by_videos.setdefault(videos, []).append(group)
    found: list[DuplicateGroup] = []
    for videos, several in by_videos.items():
        numbers = np.sort(np.concatenate(several))
        of = all_windows.windows["video"][numbers]
        parts = tuple(GroupPart(video, numbers[of == video]) for video in videos)
        found.append(DuplicateGroup(float(np.median(best[numbers])), parts))
    return sorted(found, key=lambda group: -sum(len(part.members) for part in group.parts))


def sample(blocks: Iterable[WindowBlock], n: int) -> Packed:
    """Return up to n windows, each as likely as any other, the same for the same collection."""
    rng = np.random.default_rng(0)
    drawn: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []  # a number of each window, its row, itself
    most, n_drawn = np.inf, 0
    for block in blocks:
        keys = rng.random(len(block.units))
        chosen = keys < most
        drawn.append((keys[chosen], block.units[chosen], block.windows[chosen]))
        n_drawn += len(drawn[-1][0])
        if n_drawn > n + n // 4:  # not with each block, since all that is kept is copied
            drawn = [_lowest(drawn, n)]
            most, n_drawn = drawn[0][0].max(), n
    _, rows, windows = _lowest(drawn, n)
    return Packed(rows, windows)


def _lowest(
    drawn: list[tuple[np.ndarray, np.ndarray, np.ndarray]], n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the n windows with the lowest numbers, in the order of the collection."""
    keys, rows, windows = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
    kept = np.sort(np.argpartition(keys, n)[:n]) if len(keys) > n else np.arange(len(keys))
    return keys[kept], rows[kept], windows[kept]


def distances(blocks: Iterable[WindowBlock], references: Packed) -> tuple[np.ndarray, np.ndarray]:
    """Return how far each window is from others, float64 [N], and the windows, WINDOW [N].

    The distance is 1 minus the mean cosine with the NEIGHBOURS most alike of the references, those of its own video
    left out; where there is only one video, itself alone.
    """
    one_video = len(np.unique(references.windows["video"])) == 1
    found, windows = [np.empty(0)], [np.empty(0, WINDOW)]
    for block in blocks:
        for start in range(0, len(block.units), ROWS):
            rows = slice(start, start + ROWS)
            cosines = block.units[rows] @ references.units.T
            of, others = block.windows[rows], references.windows
            is_own = of["video"][:, None] == others["video"]
            if one_video:
                is_own &= of["row"][:, None] == others["row"]
            found.append(_mean_distance(np.where(is_own, -np.inf, cosines)))
            windows.append(of)
    return np.concatenate(found), np.concatenate(windows)


def _mean_distance(cosines: np.ndarray) -> np.ndarray:
    k = min(NEIGHBOURS, cosines.shape[1])
    best = np.partition(cosines, -k, axis=1)[:, -k:].astype(np.float64)
    is_there = np.isfinite(best)
    n = is_there.sum(axis=1)
    return np.where(n > 0, 1 - np.where(is_there, best, 0).sum(axis=1) / np.maximum(n, 1), 0.0)


def fence(distances_: np.ndarray) -> float:
    """Return Tukey's fence, above which a distance is unusual: the third quartile plus 1.5 times the middle half."""
    first, third = np.percentile(distances_, (25, 75))
    return float(third + 1.5 * (third - first))


def usual(all_windows: Packed) -> tuple[float, float] | None:
    """Return the median and the 99.9th percentile of the cosines of windows of different videos; None without any."""
    n = len(all_windows.windows)
    some = np.sort(np.random.default_rng(0).choice(n, min(n, SAMPLE), replace=False))
    units, video = all_windows.units[some], all_windows.windows["video"][some]
    cosines = (units @ units.T)[video[:, None] != video]
    if not len(cosines):
        return None
    median, high = np.percentile(cosines, (50, 99.9))
    return float(median), float(high)
