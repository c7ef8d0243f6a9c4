"""One file with the features of all videos in list order, as users of mmaction2's tools expect it."""

import json
import pickle
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Protocol

import numpy as np
import yaml

from utils.errors import UserError
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.npz import add
from utils.sinks.output import features_in
from utils.sinks.readback import OutputReader
from utils.sources.ref import VideoRef
from utils.storage.folder import Folder, folder_at
from utils.storage.urls import is_url

PICKLE_PROTOCOL = 2  # what mmcv writes, so that readers of any age open it

Features = np.ndarray | dict[str, np.ndarray] | None
NamedFeatures = Iterator[tuple[str, Features]]  # each video's output name and features


class LatestLines(Protocol):
    """The last manifest line of each video, such as a dict."""

    def get(self, identity: str, /) -> ManifestLine | None:
        """Return the line of the video with this id, None if it has none."""
        ...


def check_suffix(path: str) -> None:
    """Raise UserError for a file whose suffix names no format that --out writes."""
    if _suffix(path) not in WRITERS:
        raise UserError(f"--out {path}: must end in {', '.join(WRITERS)}")


def write_list(
    path: str, folder: Folder, refs: Iterable[VideoRef], latest: LatestLines, root: Folder | None = None
) -> None:
    """Write a list with one entry per line of the list of videos, in its order, to a local path or an address.

    An entry is the video's features, an array; a dict of arrays where a model has several outputs; None where
    there are none. One entry is in memory at a time, but in pickles, which hold one list.

    folder, root: see `OutputReader`.

    Raises:
        RunError: the file cannot be written, or an output cannot be read.
    """
    reader = OutputReader(folder, root)
    entries = ((ref.name, _features(reader, latest.get(ref.id))) for ref in refs)
    parent, name = path.rsplit("/", 1) if is_url(path) else (str(Path(path).parent), Path(path).name)
    target = folder_at(parent)
    with target.whole(name) as file:
        WRITERS[_suffix(path)](file, entries)
    target.tidy()


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix


def _features(reader: OutputReader, line: ManifestLine | None) -> Features:
    if line is None or not line.outputs:
        return None
    arrays = reader.read(line.outputs)
    features = {key: arrays[key] for key in features_in(arrays)}
    return next(iter(features.values())) if len(features) == 1 else features


def _plain(entry: Features) -> Any:
    if isinstance(entry, dict):
        return {key: array.tolist() for key, array in entry.items()}
    return None if entry is None else entry.tolist()


def _write_pickle(file: BinaryIO, entries: NamedFeatures) -> None:
    pickle.dump([entry for _, entry in entries], file, protocol=PICKLE_PROTOCOL)


def _write_json(file: BinaryIO, entries: NamedFeatures) -> None:
    file.write(b"[")
    for i, (_, entry) in enumerate(entries):
        file.write((", " if i else "").encode() + json.dumps(_plain(entry)).encode())
    file.write(b"]")


def _write_yaml(file: BinaryIO, entries: NamedFeatures) -> None:
    empty = True
    for _, entry in entries:
        file.write(yaml.safe_dump([_plain(entry)]).encode())
        empty = False
    if empty:
        file.write(b"[]\n")


def _write_npz(file: BinaryIO, entries: NamedFeatures) -> None:
    """Write arrays by output name, "name/key" where a model has several outputs: .npz files hold no lists."""
    written: set[str] = set()
    with zipfile.ZipFile(file, "w") as archive:
        for name, entry in entries:
            if entry is None or name in written:  # a list may name a video twice
                continue
            written.add(name)
            named = (
                {f"{name}/{key}": array for key, array in entry.items()} if isinstance(entry, dict) else {name: entry}
            )
            for key, array in named.items():
                add(archive, key, array)


WRITERS: dict[str, Callable[[BinaryIO, NamedFeatures], None]] = {
    ".pkl": _write_pickle,
    ".pickle": _write_pickle,
    ".json": _write_json,
    ".yaml": _write_yaml,
    ".yml": _write_yaml,
    ".npz": _write_npz,
}
