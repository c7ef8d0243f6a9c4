"""Numbered files (features-000000.parquet, …) made of parts: each is written once, whole, and never added to."""

import itertools
import re
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from typing import BinaryIO

from utils.sinks import staging
from utils.sinks.output import Line, Output, end_of
from utils.storage.folder import Folder

FILE_BYTES = 1 << 30  # of parts that one file takes
FILE_VIDEOS = 10_000

Write = Callable[[BinaryIO, Folder, Sequence[Line]], list[Output]]  # the outputs, without file and bytes
Stale = Mapping[str, Collection[str]]  # bound file -> the places in it that are outdated


def merge_numbered(
    folder: Folder,
    lines: Sequence[Line],
    taken: Collection[str],
    suffix: str,
    write: Write,
    kind_of: Callable[[Line], Hashable] = lambda line: None,
) -> list[Line]:
    """Put parts together into new files, and return the lines with their new outputs.

    lines: manifest lines whose outputs are parts. A line whose part is damaged is left out of the answer.
    taken: the bound files that the manifest mentions. Others are of a run that was killed: their videos still have
        their parts, so these files are removed and their numbers used again.
    kind_of: only lines of one kind come into one file.
    """
    remove_unmentioned(folder, suffix, taken)
    names = _free_names(suffix, taken)
    bound = []
    for batch in batches(staging.intact(folder, lines), kind_of):
        name = next(names)
        with folder.whole(name) as file:
            outputs = write(file, folder, batch)
            n_bytes = end_of(file)
        bound += [
            line | {"outputs": [{"file": name, "bytes": n_bytes, **output}]}
            for line, output in zip(batch, outputs, strict=True)
        ]
    return bound


def remove_unmentioned(folder: Folder, suffix: str, taken: Collection[str]) -> None:
    """Remove the bound files that no manifest line mentions."""
    for name in list(folder.names("features-")):
        if _numbered(suffix).fullmatch(name) and name not in taken:
            folder.remove(name)


def _numbered(suffix: str) -> re.Pattern[str]:
    return re.compile(rf"features-(\d{{6,}}){re.escape(suffix)}")


def _free_names(suffix: str, taken: Collection[str]) -> Iterator[str]:
    numbers = [int(found[1]) for name in taken if (found := _numbered(suffix).fullmatch(name))]
    return (f"features-{number:06d}{suffix}" for number in itertools.count(max(numbers, default=-1) + 1))


def batches(lines: Sequence[Line], kind_of: Callable[[Line], Hashable]) -> list[list[Line]]:
    """Return the lines of each file: of one kind, at most FILE_VIDEOS of them and about FILE_BYTES of parts."""
    made: list[list[Line]] = []
    latest: dict[Hashable, tuple[list[Line], int]] = {}  # kind -> its newest file, and the bytes in it
    for line in lines:
        kind, n_bytes = kind_of(line), line["outputs"][0]["bytes"]
        batch, filled = latest.get(kind, ([], 0))
        if not batch or len(batch) >= FILE_VIDEOS or filled + n_bytes > FILE_BYTES:
            batch, filled = [], 0
            made.append(batch)
        batch.append(line)
        latest[kind] = batch, filled + n_bytes
    return made
