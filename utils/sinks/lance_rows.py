"""A Lance data set with a row per window: features.lance, to which each merge adds a file of rows."""

import contextlib
import importlib.util
import logging
import os
import re
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from utils.errors import RunError, UserError
from utils.sinks import staging
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.numbered import Videos, batches
from utils.sinks.output import ArrayInfo, Output, StoredFile, measure
from utils.sinks.window_table import Places, arrays_of, columns, places_of, tables
from utils.storage.files import cause_of, may_pass
from utils.storage.folder import Folder
from utils.storage.urls import is_url

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIX = ".lance"
VERSION = ".manifest"  # the end of its file's name
DATA = f"{SUFFIX}/data/"  # between the name of a data set and that of a file in it
OF_THE_SYSTEM = re.compile(r"\(os error (\d+)\)")  # in the texts of Lance's errors, which have no number else
MOST_ROWS, MOST_BYTES = (1 << 31) - 1, 1 << 50  # of a file: more than a merge has

log = logging.getLogger(__name__)


@contextlib.contextmanager
def _numbered_errors() -> Generator[None, None, None]:
    """Give errors of the operating system their number, by which those that may pass are known."""
    try:
        yield
    except OSError as error:
        found = OF_THE_SYSTEM.search(str(error))
        if found is None:
            raise
        number = int(found[1])
        raise OSError(number, os.strerror(number)) from error


def check(output_path: str) -> None:
    """Raise UserError unless Lance can write there, before any work."""
    if importlib.util.find_spec("lance") is None:
        raise UserError("save_lance needs pylance: pip install pylance, or use save_parquet")
    if is_url(output_path):
        raise UserError("--on_extraction save_lance writes to a disk only: give a folder, or use save_parquet")


def merge(
    folder: Folder,
    lines: Sequence[ManifestLine],
    _kept: Iterable[ManifestLine],
    taken: Collection[str],
    only_full: bool = False,
) -> list[ManifestLine]:
    """Add staged videos to the data set, some thousands as one file of it, and return the lines with new outputs.

    Files that the manifest does not mention are of a run that was killed: their rows are removed, and their videos are
    still staged. Features of different sizes go into different data sets.

    only_full: leave videos whose file is not full where they are; their lines are returned as they are.
    """
    remove_unmentioned(folder, SUFFIX, taken)
    merged: list[ManifestLine] = []
    ordered = sorted(staging.intact(folder, lines), key=lambda line: line.order)
    for batch, is_full in batches(ordered, columns):
        if only_full and not is_full:
            merged += batch
            continue
        written: list[tuple[str, Mapping[str, ArrayInfo]]] = []
        stored = _add(folder, tables(Videos(folder, {}), batch, written))
        outputs = (stored.output(arrays, place) for place, arrays in written)
        merged += [replace(line, outputs=(output,)) for line, output in zip(batch, outputs, strict=True)]
    return merged


@_numbered_errors()
def _add(folder: Folder, rows: Iterator["pa.Table"]) -> StoredFile:
    """Add tables of the same columns as one file, in one step."""
    import pyarrow as pa
    from lance import LanceDataset, LanceOperation  # pyright: ignore[reportMissingImports]  # an extra
    from lance.fragment import write_fragments  # pyright: ignore[reportMissingImports]  # an extra

    first = next(rows)
    name, old = _of_schema(folder, first.schema)
    several = (batch for table in _with(first, rows) for batch in table.to_batches())
    reader = pa.RecordBatchReader.from_batches(first.schema, several)
    path, mode = _path(folder, name), "create" if old is None else "append"
    options: Any = {"max_rows_per_file": MOST_ROWS, "max_bytes_per_file": MOST_BYTES}
    (fragment,) = write_fragments(reader, path, mode=mode, **options)
    if old is None:
        LanceDataset.commit(path, LanceOperation.Overwrite(first.schema, [fragment]))
    else:
        LanceDataset.commit(path, LanceOperation.Append([fragment]), read_version=old.version)
    file_name = _file_name(name, fragment)
    with folder.open(file_name) as file:
        n_bytes, crc32 = measure(file)
    return StoredFile(file_name, n_bytes, crc32, folder.mtime_ns(file_name))


def _with(first: "pa.Table", rest: Iterator["pa.Table"]) -> Iterator["pa.Table"]:
    yield first
    yield from rest


def _of_schema(folder: Folder, schema: "pa.Schema") -> tuple[str, Any]:
    """Return the name of the data set that takes rows of a schema, and the data set, None if it is new."""
    number = 1
    while True:
        name = f"features{f'-{number}' if number > 1 else ''}"
        found = _opened(folder, name)
        if found is None and not _exists(folder, name):
            return name, None
        if found is not None and _kind(found.schema) == _kind(schema):
            return name, found
        number += 1


def _kind(schema: "pa.Schema") -> list[tuple[str, str]]:
    return [(field.name, str(field.type)) for field in schema]


def _path(folder: Folder, name: str) -> str:
    if folder.local is None:
        raise RunError(f"{folder}/{name}{SUFFIX}: Lance is read from a disk only; copy the folder to one")
    return str(folder.local / f"{name}{SUFFIX}")


def _exists(folder: Folder, name: str) -> bool:
    """Return whether a version was committed: a run that was killed as it began the first leaves other files."""
    return any(file.endswith(VERSION) for file in folder.names(f"{name}{SUFFIX}/_versions/"))


def _opened(folder: Folder, name: str) -> Any:
    """Return a data set; None if there is none that can be read."""
    import lance  # pyright: ignore[reportMissingImports]  # an extra

    if not _exists(folder, name):
        return None
    try:
        with _numbered_errors():
            return lance.dataset(_path(folder, name))
    except staging.DAMAGE as error:
        if may_pass(error):
            raise
        log.warning("%s/%s%s is damaged (%s)", folder, name, SUFFIX, error)
        return None


def _file_name(name: str, fragment: Any) -> str:
    return f"{name}{DATA}{fragment.files[0].path}"


def _data_sets(folder: Folder) -> Iterator[tuple[str, Any]]:
    """Yield the names of the data sets, and those that can be read."""
    if folder.local is not None and folder.local.is_dir():
        for path in sorted(folder.local.glob(f"features*{SUFFIX}")):
            name = path.name.removesuffix(SUFFIX)
            if (found := _opened(folder, name)) is not None:
                yield name, found


@_numbered_errors()
def remove_unmentioned(folder: Folder, _suffix: str, mentioned: Collection[str]) -> None:
    """Remove the rows of files that no manifest line mentions."""
    from lance import LanceDataset, LanceOperation  # pyright: ignore[reportMissingImports]  # an extra

    for name, found in _data_sets(folder):
        fragments = [one.metadata for one in found.get_fragments()]
        gone = [one.id for one in fragments if _file_name(name, one) not in mentioned]
        if gone:
            step = LanceOperation.Delete([], gone, "true")
            LanceDataset.commit(_path(folder, name), step, read_version=found.version)


def remove_places(folder: Folder, name: str, places: Collection[str]) -> None:
    """Remove the rows of some videos from a file: Lance notes beside it that they are gone."""
    from lance import LanceDataset, LanceOperation  # pyright: ignore[reportMissingImports]  # an extra

    data_set, fragment = _found(folder, name)
    path = _path(folder, name.partition(DATA)[0])
    with _numbered_errors():
        fragment.to_table(columns=["id"])  # shows whether the file is damaged: what fails below is writing
    ids = ", ".join("'{}'".format(place.replace("'", "''")) for place in sorted(places))
    try:
        with _numbered_errors():
            left = fragment.delete(f"id IN ({ids})")
            step = LanceOperation.Delete([left] if left else [], [] if left else [fragment.fragment_id], "id")
            LanceDataset.commit(path, step, read_version=data_set.version)
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({cause_of(error)}); run the same command again") from error


def _found(folder: Folder, name: str) -> tuple[Any, Any]:
    """Return the data set and the fragment that has a file. FileNotFoundError if there is none."""
    data_set = _opened(folder, name.partition(DATA)[0])
    fragments = () if data_set is None else data_set.get_fragments()
    found = next((one for one in fragments if one.metadata.files[0].path == name.partition(DATA)[2]), None)
    if found is None:
        raise FileNotFoundError(None, "it is not in the data set", name)
    return data_set, found


class LanceFile:
    """One file of a data set, open for reading."""

    def __init__(self, folder: Folder, name: str) -> None:
        self.n_bytes = folder.size(name)
        _, self._fragment = _found(folder, name)
        self._places: Places | None = None

    @property
    def places(self) -> Places:
        """Where each video is."""
        if self._places is None:
            with _numbered_errors():
                self._places = places_of(self._fragment.to_table(columns=["id"])["id"].to_pylist())
        return self._places

    def holds(self, output: Output) -> bool:
        """Return whether all rows of the video are there: others of the file may have been removed."""
        shape = next(iter(output.arrays.values())).shape
        n_rows = self.places.get(output.place or "", (0, 0))[1]
        return self.n_bytes == output.bytes and n_rows == int(np.prod(shape[:-1]))

    def is_intact(self, output: Output) -> bool:
        """Return True: the file is compared whole."""
        return True

    def read(self, output: Output) -> dict[str, np.ndarray]:
        """Return the video's features, with the times of their windows where they have any."""
        start, n_rows = self.places[output.place or ""]
        with _numbered_errors():
            return arrays_of(self._fragment.to_table(offset=start, limit=n_rows), output)
