"""What is in an output folder: its videos as columns of a table, and the arrays of each."""

import contextlib
import gc
import json
import math
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from utils.errors import FeatmillError, RunError
from utils.run.folder_status import FolderStatus
from utils.sinks.manifest_line import WITH_OUTPUTS, ManifestLine, Status
from utils.sinks.output import UP
from utils.sinks.readback import OutputReader
from utils.state.feature_folders import feature_folders
from utils.state.manifest import FILE_NAME, Latest
from utils.state.run_file import record_of
from utils.storage.folder import Folder, subfolders

FIRST = 20_000  # lines of a manifest that are read before the page opens: a million take 40 s
COLUMNS = ("name", "status", "windows", "finished", "reason")
MOST_LABELS = 20  # distinct values of a column of the list by which windows can be coloured
MOST_BYTES = 2 << 30  # of the arrays of one video
DAMAGE = (  # what reading a video may raise
    FeatmillError, OSError, EOFError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError, MemoryError,
)  # fmt: skip


class Row(NamedTuple):
    """A video in the table; finished: in seconds since 1970."""

    id: str
    name: str
    status: Status
    windows: int
    finished: int
    reason: str
    meta: Mapping[str, Any]


class FeatureFolder:
    """The saved videos of one feature type. Many threads may read it."""

    def __init__(self, folder: Folder, root: Folder, latest: Latest) -> None:
        self.folder, self._root, self.latest = folder, root, latest
        self._reader = OutputReader(folder, root)
        self._lock = threading.Lock()
        self.rows: list[Row] = []
        self._last = next(iter(latest), ManifestLine(id="", status="done"))
        self.feature_type = self._last.stamp.feature_type
        self._take(latest)

    @property
    def n_bytes(self) -> int:
        """The size of the manifest, which grows with each video."""
        _, end = self.folder.tail(FILE_NAME, None)
        return end if isinstance(end, int) else sum(end.values())  # at an address, of its parts

    def line(self, identity: str) -> ManifestLine | None:
        """Return a video's last manifest line."""
        with self._lock:
            return self.latest.get(identity)

    def sampled_fps(self, line: ManifestLine) -> float | None:
        """Return the rate that a video's frames were sampled at by --extraction_fps; None without it."""
        settings = record_of(self.folder, line.stamp.settings_hash).get("settings")
        fps = settings.get("extraction_fps") if isinstance(settings, dict) else None
        return float(fps) if isinstance(fps, int | float) else None

    def read(self, line: ManifestLine) -> dict[str, np.ndarray]:
        """Return a video's arrays. RunError if they are too large, damaged or gone."""
        n_bytes = sum(_bytes(info.shape, info.dtype) for output in line.outputs for info in output.arrays.values())
        if n_bytes > MOST_BYTES:
            raise RunError(f"{line.name}: its arrays have {n_bytes / 1e9:.1f} GB, too many for this page")
        outside = next((output.file for output in line.outputs if not self.holds(output.file)), None)
        if outside is not None:
            raise RunError(f"{line.name}: the manifest names {outside}, which is not in the output folder")
        with self._lock:
            return self._reader.read(line.outputs)

    def holds(self, name: str) -> bool:
        """Return whether a file is in the folder that it belongs to, wherever a hostile name or a link leads."""
        home, name = (self._root, name.removeprefix(UP)) if name.startswith(UP) else (self.folder, name)
        if home.local is None:
            return ".." not in name.split("/")
        return (home.local / name).resolve().is_relative_to(home.local.resolve())

    def refresh(self) -> None:
        """Read what was appended to the manifest; of one that was read in part, all, while others use that part."""
        if not self.latest.is_whole:
            self._take(Latest(self.folder))
            return
        with self._lock:
            self.latest.refresh()
            self._take(self.latest)

    def _take(self, latest: Latest) -> None:
        """Sum up a manifest in one pass: there may be a million lines."""
        rows: list[Row] = []
        with _no_collector():
            self._status = FolderStatus.of(self.folder, self._noted(rows, latest))
        self.latest, self.rows = latest, rows

    def _noted(self, rows: list[Row], latest: Latest) -> Iterator[ManifestLine]:
        """Yield each video's last line, and add it to the rows of the table."""
        for line in latest:
            self._last = line
            finished = round(line.finished_s or 0)
            rows.append(Row(line.id, line.name, line.status, line.windows, finished, line.reason, line.meta))
            yield line

    def about(self) -> dict[str, Any]:
        """Return what the page says of the feature type: counts, causes of failures, settings, weights."""
        stamp = self._last.stamp
        run = record_of(self.folder, stamp.settings_hash)
        return {
            "type": self.feature_type,
            **self._status.as_json(),
            **stamp.to_json(),
            "settings": run.get("settings", {}),
            "command": str(run.get("command", "")),
            "settings_hashes": sorted(self.latest.hashes),
        }


@contextlib.contextmanager
def _no_collector() -> Iterator[None]:
    """Leave out the search for reference cycles, of which a manifest's lines have none: it takes as long as reading."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _bytes(shape: Sequence[int], dtype: str) -> int:
    try:
        return int(np.prod(shape, dtype=np.float64)) * np.dtype(dtype).itemsize
    except (TypeError, OverflowError):
        return MOST_BYTES + 1


class Collection:
    """All videos below an output folder, one number for each pair of video and feature type.

    Numbers stay the same while the page is open; new videos get the next ones. most: lines of each manifest to read at
    first; `refresh` reads the others, in another thread.

    Raises:
        UserError: there is no manifest.
    """

    def __init__(self, output: str, most: int | None = None) -> None:
        self.output = output
        self._lock, self._numbering, self._reading = threading.Lock(), threading.Lock(), threading.Lock()
        self._numbers: dict[tuple[str, str], int] = {}
        self._places: list[tuple[FeatureFolder, str]] = []
        self._load(most)

    def _load(self, most: int | None = None) -> None:
        self._below = subfolders(self.output)
        self.folders = [FeatureFolder(*found) for found in feature_folders(self.output, most)]
        self._take(self.version)

    @property
    def is_whole(self) -> bool:
        """Whether all lines of the manifests have been read."""
        return all(folder.latest.is_whole for folder in self.folders)

    @property
    def version(self) -> str:
        """Text that changes when a run adds to the folder; empty as long as only a part has been read."""
        return self._sizes() if self.is_whole else ""

    def _sizes(self) -> str:
        return "-".join(str(folder.n_bytes) for folder in self.folders)

    def refresh(self) -> None:
        """Read what runs have added since. Does nothing while another thread does."""
        if not self._reading.acquire(blocking=False):
            return
        try:
            sizes = self._sizes()
            if sizes != self._version:
                for folder in self.folders:
                    folder.refresh()
                self._take(sizes)
        finally:
            self._reading.release()

    def _take(self, version: str) -> None:
        about, columns = [folder.about() for folder in self.folders], self._table()
        with self._lock:
            self._about, self._columns, self._version = about, columns, version
            self._by_name: dict[str, dict[str, int]] = {}

    def reload(self) -> None:
        """Read what runs have added, folders of other feature types included."""
        if not self.is_whole:
            return
        if subfolders(self.output) != self._below:
            self._load()
        else:
            self.refresh()

    def _number(self, folder: FeatureFolder, identity: str) -> int:
        key = (str(folder.folder), identity)
        with self._numbering:
            number = self._numbers.setdefault(key, len(self._places))
            if number == len(self._places):
                self._places.append((folder, identity))
            else:
                self._places[number] = (folder, identity)
        return number

    def _table(self) -> dict[str, list[Any]]:
        """Return the columns of the table of videos."""
        columns: dict[str, list[Any]] = {name: [] for name in ("number", "folder", *COLUMNS)}
        metas: list[Mapping[str, Any]] = []
        for index, folder in enumerate(self.folders):
            rows = folder.rows
            columns["number"] += [self._number(folder, row.id) for row in rows]
            columns["folder"] += [index] * len(rows)
            for name in COLUMNS:
                columns[name] += [getattr(row, name) for row in rows]
            metas += [row.meta for row in rows]
        return columns | _labels(metas)

    def as_json(self) -> dict[str, Any]:
        """Return all that the first view shows."""
        with self._lock:
            labels = [name for name in self._columns if name.startswith("meta ")]
            return {"place": str(self.folders[0].folder) if len(self.folders) == 1 else self.output,
                    "version": self._version, "folders": self._about, "videos": self._columns,
                    "labels": labels, "is_whole": self._version != ""}  # fmt: skip

    def columns_of(self, numbers: Sequence[int]) -> dict[str, list[Any]]:
        """Return the names of videos, and the columns of the list that colour windows, one value for each number."""
        at = {number: i for i, number in enumerate(self._columns["number"])}
        wanted = {"name": "name"} | {key: key.removeprefix("meta ") for key in self._columns if key.startswith("meta ")}
        return {title: [self._columns[key][at[number]] for number in numbers] for key, title in wanted.items()}

    def place(self, number: int) -> tuple[FeatureFolder, ManifestLine] | None:
        """Return the folder and the manifest line of a video; None if there is none of this number."""
        if not 0 <= number < len(self._places):
            return None
        folder, identity = self._places[number]
        line = folder.line(identity)
        return None if line is None else (folder, line)

    def numbers_of(self, feature_type: str) -> dict[str, int]:
        """Return the numbers of the videos of a feature type by their names; of one name, the first."""
        if feature_type not in self._by_name:
            columns = zip(*(self._columns[key] for key in ("number", "name", "folder")), strict=True)
            found = self._by_name[feature_type] = {}
            for number, name, index in columns:
                if self.folders[index].feature_type == feature_type:
                    found.setdefault(name, number)
        return self._by_name[feature_type]

    def with_features(self, index: int) -> list[tuple[int, int]]:
        """Return the number of each video of a feature type that has features, and how many windows it has."""
        folder = self.folders[index]
        return [(self._number(folder, row.id), row.windows) for row in folder.rows if row.status in WITH_OUTPUTS]


def _labels(metas: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the columns of the lists of videos that have few different values, such as classes."""
    counts: dict[str, Counter[str]] = {}
    for meta in metas:
        for key, value in meta.items():
            if isinstance(value, str | int | bool) and len(counts.setdefault(key, Counter())) <= MOST_LABELS:
                counts[key][str(value)] += 1
    chosen = [key for key, values in counts.items() if 1 < len(values) <= MOST_LABELS]
    return {f"meta {key}": [str(meta.get(key, "")) for meta in metas] for key in chosen}


def to_json(content: Any) -> bytes:
    """Return JSON that browsers read: null for NaN and infinity, which a manifest may hold."""
    try:
        return json.dumps(content, allow_nan=False, separators=(",", ":"), default=str).encode()
    except ValueError:
        return to_json(_finite(content))


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {str(key): _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
