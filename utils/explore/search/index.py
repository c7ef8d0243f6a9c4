"""An index of a large collection: rows in cells, a byte per number. Its finds are compared again, exactly.

It is kept beside the features, and rebuilt when the manifest has changed.
"""

import contextlib
import importlib.util
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np

from utils.errors import RunError
from utils.explore.search.likeness import sample
from utils.explore.search.nearest import Found, nearest
from utils.explore.search.windows import WINDOW, SavedWindows, WindowBlock
from utils.sinks.rows import unit
from utils.sinks.staging import DAMAGE
from utils.state.manifest import FILE_NAME

FROM_WINDOWS = 1_000_000  # of a collection that is worth an index
RECALL = 0.995  # of the TOP best windows; sets how many cells a search reads: 0.99, and room for other queries
TOP = 10
QUERIES = 100  # rows of the collection, and as many random directions, by which recall is measured
AMONG = 8  # times as many windows as are asked for are compared again
ROWS_PER_CELL = 64  # to train with
FOLDER = ".featmill/search/"


@dataclass(frozen=True)
class Index:
    """An index, open for searching. n_probe: cells that a search reads. recall: measured with that many."""

    collection: SavedWindows
    cells: Any  # faiss.Index
    windows: np.ndarray
    n_probe: int
    recall: float

    def nearest(self, query: np.ndarray, k: int, least: float = -np.inf) -> Found:
        """Return the k windows with the highest cosines among those found, as `nearest` does.

        query: float [D].
        """
        self.cells.nprobe = self.n_probe
        _, (found,) = self.cells.search(unit(query[None]).astype(np.float32), min(len(self.windows), AMONG * k))
        return nearest([self._block(self.windows[found[found >= 0]])], query[None], k, least)[0]

    def _block(self, windows: np.ndarray) -> WindowBlock:
        """Return the rows of windows as they were saved."""
        rows: list[np.ndarray] = []
        windows = np.sort(windows, order=["video", "row"])
        for video in np.unique(windows["video"]).tolist():
            line = self.collection.latest.get(self.collection.ids[video])
            assert line is not None  # the manifest is the one that the index was made of
            array = self.collection.saved(line).features[self.collection.feature]
            rows.append(self.collection.vectors(array)[windows["row"][windows["video"] == video]])
        return WindowBlock(np.concatenate(rows), windows)


def is_installed() -> bool:
    """Return whether the library that makes indexes is installed."""
    return importlib.util.find_spec("faiss") is not None


def _faiss() -> Any:
    return importlib.import_module("faiss")


def open_index(collection: SavedWindows) -> Index | None:
    """Return the index of a collection; None if it is missing, damaged, or of another manifest."""
    folder, name = collection.folder, _name(collection)
    if folder.local is None or folder.size(f"{name}.npz") is None:
        return None
    try:
        with folder.open(f"{name}.npz") as file, np.load(file, allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())
            windows = arrays["windows"]
        if about["manifest"] != _manifest(collection):
            return None
        faiss = _faiss()
        cells = faiss.read_index(str(folder.local / f"{name}.faiss"), faiss.IO_FLAG_MMAP)
    except DAMAGE:
        return None
    collection.ids, collection.n_windows = about["ids"], len(windows)
    return Index(collection, cells, windows, about["n_probe"], about["recall"])


def make_index(collection: SavedWindows) -> Index:
    """Make the index of a collection on a disk, measure its recall, and keep it beside the features.

    All rows are read four times; the index takes a byte per number in memory while it is made.
    """
    faiss = _faiss()
    manifest = _manifest(collection)
    n_cells = max(1, int(np.sqrt(sum(line.windows for line in collection.lines()))))
    training = sample(collection.blocks(), ROWS_PER_CELL * n_cells).units
    n_cells = max(1, min(n_cells, len(training) // 40))
    cells = faiss.index_factory(training.shape[1], f"IVF{n_cells},SQ8", faiss.METRIC_INNER_PRODUCT)
    cells.train(training)
    windows = [np.empty(0, WINDOW)]
    for block in collection.blocks():
        cells.add(block.units)
        windows.append(block.windows)
    queries = _queries(training)
    exact = [found for _, found in nearest(collection.blocks(), queries, TOP)]
    index = _measured(Index(collection, cells, np.concatenate(windows), n_cells, 1.0), queries, exact)
    with contextlib.suppress(RunError):  # the folder cannot be written
        _keep(index, manifest)
    return index


def _queries(rows: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(1)
    some = rows[rng.choice(len(rows), min(len(rows), QUERIES), replace=False)]
    return np.concatenate([some, unit(rng.normal(size=(QUERIES, rows.shape[1])))])


def _measured(index: Index, queries: np.ndarray, exact: Sequence[np.ndarray]) -> Index:
    """Return the index with as many cells per search as RECALL takes, at most all."""
    n_probe, recall = 1, 0.0
    while True:
        index.cells.nprobe = n_probe
        _, numbers = index.cells.search(queries.astype(np.float32), min(len(index.windows), AMONG * TOP))
        shares = [
            np.isin(wanted, index.windows[found[found >= 0]]).mean()
            for wanted, found in zip(exact, numbers, strict=True)
        ]
        recall = float(min(np.mean(shares[:-QUERIES]), np.mean(shares[-QUERIES:])))  # of rows, of random directions
        if recall >= RECALL or n_probe >= index.n_probe:
            return Index(index.collection, index.cells, index.windows, n_probe, recall)
        n_probe = min(2 * n_probe, index.n_probe)


def _keep(index: Index, manifest: Sequence[int | None]) -> None:
    faiss = _faiss()
    folder, name = index.collection.folder, _name(index.collection)
    about = {
        "manifest": manifest, "ids": index.collection.ids, "n_probe": index.n_probe, "recall": index.recall
    }  # fmt: skip
    with folder.whole(f"{name}.faiss") as file:
        faiss.write_index(index.cells, faiss.PyCallbackIOWriter(file.write))  # pyright: ignore[reportAttributeAccessIssue]  # made by SWIG
    content = io.BytesIO()
    np.savez(content, about=np.frombuffer(json.dumps(about).encode(), np.uint8), windows=index.windows)
    with folder.whole(f"{name}.npz") as file:
        file.write(content.getbuffer())


def _name(collection: SavedWindows) -> str:
    return f"{FOLDER}{quote(collection.feature, safe='')}"


def _manifest(collection: SavedWindows) -> list[int | None]:
    """Return what changes with the manifest."""
    return [collection.folder.size(FILE_NAME), collection.folder.mtime_ns(FILE_NAME)]
