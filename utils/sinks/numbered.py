"""Numbered files (features-000000.parquet, …) of many videos.

A full one is not added to. The newest two are written anew with what comes later, in the order of the list, so that
the bytes do not tell in which order videos finished, or whether a run was interrupted.
"""

import contextlib
import itertools
import logging
import re
from collections.abc import Callable, Collection, Generator, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO, Protocol

import numpy as np

from utils.sinks import rewritten, staging
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.output import ArrayInfo, MergedFile, Output, StoredFile, features_in, measure
from utils.sinks.stored_video import MergedVideo, StoredVideo
from utils.storage.files import may_pass
from utils.storage.folder import Folder

FILE_BYTES = 1 << 30  # of features that go into one
FILE_VIDEOS = 10_000

log = logging.getLogger(__name__)


class NumberedFile(MergedFile, Protocol):
    """A file with the features of many videos, of which single ones can be taken over into another file."""

    def video(self, output: Output) -> MergedVideo:
        """Return all that the file holds of a video."""
        ...


class Videos:
    """The videos that go into files: staged ones, and those of files that are written anew, by name of these."""

    def __init__(self, folder: Folder, old: Mapping[str, NumberedFile]) -> None:
        self._folder = folder
        self._old = old

    @contextlib.contextmanager
    def opened(self, line: ManifestLine) -> Generator[StoredVideo, None, None]:
        """Open a video. Raises OSError where it cannot be read."""
        (output,) = line.outputs
        if output.file in self._old:
            yield self._old[output.file].video(output)
        else:
            with staging.opened(self._folder, output) as staged:
                yield staged


Write = Callable[[BinaryIO, Videos, Sequence[ManifestLine]], list[tuple[str, Mapping[str, ArrayInfo]]]]
Open = Callable[[Folder, str], NumberedFile]
KindOf = Callable[[ManifestLine], Hashable]


def merge_numbered(
    folder: Folder,
    lines: Sequence[ManifestLine],
    kept: Iterable[ManifestLine],
    taken: Collection[str],
    suffix: str,
    tools: tuple[Write, Open, KindOf],
    only_full: bool = False,
) -> list[ManifestLine]:
    """Merge videos into files in the order of the list, and return the lines with their new outputs.

    lines: manifest lines whose outputs are staged. A line whose staged file is damaged is left out of the answer.
    kept: lines of merged videos whose files are written anew.
    taken: the other merged files that the manifest mentions. Files that it does not mention are of a run that was
        killed: their videos are still staged, so these files are removed and their numbers used again.
    tools: what writes a file, and returns the place and the arrays of each video in it; what opens one; and what says
        which lines may share one.
    only_full: leave videos whose file is not full where they are; their lines are returned as they are.
    """
    write, open_file, kind_of = tools
    by_file: dict[str, list[ManifestLine]] = {}
    for line in kept:
        by_file.setdefault(line.outputs[0].file, []).append(line)
    for name in [name for name, those in by_file.items() if not _changes(those, lines, kind_of)]:
        taken = {*taken, name}
        del by_file[name]
    if folder.local is None and len(by_file) > 1:  # one could be overwritten before it is read, which open files avoid
        taken, by_file = {*taken, *by_file}, {}
    remove_unmentioned(folder, suffix, {*taken, *by_file})
    old = {name: file for name, those in by_file.items() if (file := _reopened(folder, name, those, open_file))}
    names = _free_names(suffix, {*taken, *(by_file.keys() - old)})
    movable = (line for name in old for line in by_file[name])
    ordered = sorted([*staging.intact(folder, lines), *movable], key=lambda line: line.order)
    files = list(zip(batches(ordered, kind_of), names, strict=False))
    videos, merged = Videos(folder, old), list[list[ManifestLine]]()
    for (batch, is_full), name in reversed(files):  # what leaves a file that is written anew is in a later one
        merged.append(batch if only_full and not is_full else _merge_file(folder, name, batch, videos, write))
    return [line for batch in reversed(merged) for line in batch]


def _changes(there: Sequence[ManifestLine], new: Sequence[ManifestLine], kind_of: KindOf) -> bool:
    """Return whether a file would be another one if the new videos had been there before.

    They come before one of its own in the list, as after an interruption, or the file has room.
    """
    kind, ordered = kind_of(there[0]), sorted(there, key=lambda line: line.order)
    first = min((line for line in new if kind_of(line) == kind), key=lambda line: line.order, default=None)
    if first is None:
        return False
    return ordered[-1].order > first.order or len(batches([*ordered, first], kind_of)) == 1


def _reopened(folder: Folder, name: str, lines: Sequence[ManifestLine], open_file: Open) -> NumberedFile | None:
    """Open a copy of a file whose videos go into new ones; None, which leaves it alone, if it is damaged."""
    outputs = [output for line in lines for output in line.outputs]
    known = {(output.bytes, output.crc32) for output in outputs if output.crc32 is not None}
    if not known:  # an earlier version wrote it
        return None
    noted = rewritten.noted(folder, name)
    if noted is not None and noted.bytes is not None and noted.crc32 is not None:
        known.add((noted.bytes, noted.crc32))
    try:
        with folder.open(name) as stream:
            if measure(stream) in known:
                return open_file(folder, name)
        cause = "it has changed since it was written"
    except staging.DAMAGE as error:
        if may_pass(error):
            raise
        cause = str(error)
    log.warning("%s/%s is damaged (%s), so what is new goes into another file", folder, name, cause)
    return None


def _merge_file(
    folder: Folder, name: str, lines: Sequence[ManifestLine], videos: Videos, write: Write
) -> list[ManifestLine]:
    with folder.whole(name) as file:
        written = write(file, videos, lines)
        n_bytes, crc32 = measure(file)
        if folder.size(name) is not None:  # lines of the manifest say what was there, until the new ones are in it
            rewritten.announce(folder, name, n_bytes, crc32)
    stored = StoredFile(name, n_bytes, crc32, folder.mtime_ns(name))
    outputs = (stored.output(arrays, place) for place, arrays in written)
    return [replace(line, outputs=(output,)) for line, output in zip(lines, outputs, strict=True)]


def newest(lines: Mapping[str, ManifestLine], suffix: str, kind_of: KindOf) -> set[str]:
    """Return the two newest files of each kind, which may change, see `_changes`. lines: one of each file, by name."""
    latest: dict[Hashable, list[str]] = {}
    for name in sorted(lines, key=lambda name: (len(name), name)):
        if _numbered(suffix).fullmatch(name):
            latest.setdefault(kind_of(lines[name]), []).append(name)
    return {name for names in latest.values() for name in names[-2:]}


def remove_unmentioned(folder: Folder, suffix: str, taken: Collection[str]) -> None:
    """Remove the numbered files that no manifest line mentions."""
    for name in list(folder.names("features-")):
        if _numbered(suffix).fullmatch(name) and name not in taken:
            folder.remove(name)


def _numbered(suffix: str) -> re.Pattern[str]:
    return re.compile(rf"features-(\d{{6,}}){re.escape(suffix)}")


def _free_names(suffix: str, taken: Collection[str]) -> Iterator[str]:
    names = (f"features-{number:06d}{suffix}" for number in itertools.count())
    return (name for name in names if name not in taken)


def batches(lines: Sequence[ManifestLine], kind_of: KindOf) -> list[tuple[list[ManifestLine], bool]]:
    """Return the lines of each file: of one kind, at most FILE_VIDEOS of them, with about FILE_BYTES of features.

    With each, whether it is full: a line of its kind went into the next.
    """
    made: list[list[ManifestLine]] = []
    latest: dict[Hashable, tuple[int, int]] = {}  # kind -> its newest file, and the bytes in it
    for line in lines:
        kind, n_bytes = kind_of(line), _feature_bytes(line)
        number, filled = latest.get(kind, (-1, 0))
        if number < 0 or len(made[number]) >= FILE_VIDEOS or filled + n_bytes > FILE_BYTES:
            number, filled = len(made), 0
            made.append([])
        made[number].append(line)
        latest[kind] = number, filled + n_bytes
    still_open = {number for number, _ in latest.values()}
    return [(batch, number not in still_open) for number, batch in enumerate(made)]


def _feature_bytes(line: ManifestLine) -> int:
    """Return the size of a video's features, which is the same whether it is staged or merged."""
    arrays = line.outputs[0].arrays
    infos = (arrays[key] for key in features_in(arrays))
    return sum(int(np.prod(info.shape)) * np.dtype(info.dtype).itemsize for info in infos)
