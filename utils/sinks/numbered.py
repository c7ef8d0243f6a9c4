"""Numbered files (features-000000.parquet, …) of many videos: each is written once, whole, and never added to."""

import itertools
import re
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO

from utils.sinks import staging
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.output import ArrayInfo, store
from utils.storage.folder import Folder

FILE_BYTES = 1 << 30  # of staged files that go into one
FILE_VIDEOS = 10_000

Write = Callable[[BinaryIO, Folder, Sequence[ManifestLine]], list[tuple[str, Mapping[str, ArrayInfo]]]]


def merge_numbered(
    folder: Folder,
    lines: Sequence[ManifestLine],
    taken: Collection[str],
    suffix: str,
    write: Write,
    kind_of: Callable[[ManifestLine], Hashable] = lambda line: None,
) -> list[ManifestLine]:
    """Merge staged videos into new files, and return the lines with their new outputs.

    lines: manifest lines whose outputs are staged. A line whose staged file is damaged is left out of the answer.
    taken: the merged files that the manifest mentions. Others are of a run that was killed: their videos are still
        staged, so these files are removed and their numbers used again.
    write: writes a file, and returns the place and the arrays of each video in it.
    kind_of: only lines of one kind share a file.
    """
    remove_unmentioned(folder, suffix, taken)
    names = _free_names(suffix, taken)
    merged: list[ManifestLine] = []
    for batch in batches(staging.intact(folder, lines), kind_of):
        merged += _merge_file(folder, next(names), batch, write)
    return merged


def _merge_file(folder: Folder, name: str, lines: Sequence[ManifestLine], write: Write) -> list[ManifestLine]:
    written: list[tuple[str, Mapping[str, ArrayInfo]]] = []
    stored = store(folder, name, lambda file: written.extend(write(file, folder, lines)))
    outputs = (stored.output(arrays, place) for place, arrays in written)
    return [replace(line, outputs=(output,)) for line, output in zip(lines, outputs, strict=True)]


def remove_unmentioned(folder: Folder, suffix: str, taken: Collection[str]) -> None:
    """Remove the numbered files that no manifest line mentions."""
    for name in list(folder.names("features-")):
        if _numbered(suffix).fullmatch(name) and name not in taken:
            folder.remove(name)


def _numbered(suffix: str) -> re.Pattern[str]:
    return re.compile(rf"features-(\d{{6,}}){re.escape(suffix)}")


def _free_names(suffix: str, taken: Collection[str]) -> Iterator[str]:
    numbers = [int(found[1]) for name in taken if (found := _numbered(suffix).fullmatch(name))]
    return (f"features-{number:06d}{suffix}" for number in itertools.count(max(numbers, default=-1) + 1))


def batches(lines: Sequence[ManifestLine], kind_of: Callable[[ManifestLine], Hashable]) -> list[list[ManifestLine]]:
    """Return the lines of each file: of one kind, at most FILE_VIDEOS of them, about FILE_BYTES of staged files."""
    made: list[list[ManifestLine]] = []
    latest: dict[Hashable, tuple[list[ManifestLine], int]] = {}  # kind -> its newest file, and the bytes in it
    for line in lines:
        kind, n_bytes = kind_of(line), line.outputs[0].bytes
        batch, filled = latest.get(kind, ([], 0))
        if not batch or len(batch) >= FILE_VIDEOS or filled + n_bytes > FILE_BYTES:
            batch, filled = [], 0
            made.append(batch)
        batch.append(line)
        latest[kind] = batch, filled + n_bytes
    return made
