"""One file with the features of all videos in list order, as users of mmaction2's tools expect it."""

import json
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import yaml

from utils.errors import UserError
from utils.files import whole_file
from utils.manifest import Line
from utils.sinks import read_outputs
from utils.sources.ref import VideoRef

PICKLE_PROTOCOL = 2  # what mmcv writes, so that readers of any age open it
NOT_FEATURES = ("fps", "timestamps_ms")

Entry = np.ndarray | dict[str, np.ndarray] | None


def check_suffix(path: str) -> None:
    """Raise UserError for a file whose suffix names no format that --out writes."""
    if Path(path).suffix not in WRITERS:
        raise UserError(f"--out {path}: must end in {', '.join(WRITERS)}")


def write_list(path: str, folder: Path, refs: Sequence[VideoRef], latest: dict[str, Line]) -> None:
    """Write a list with one entry per line of the list of videos, in its order.

    An entry is the video's features, an array; a dict of arrays where a model has several outputs; None where
    there are none.

    Raises:
        RunError: the file cannot be written.
    """
    entries = [_entry(folder, latest.get(ref.id)) for ref in refs]
    with whole_file(Path(path)) as file:
        WRITERS[Path(path).suffix](file, entries, [ref.name for ref in refs])


def _entry(folder: Path, line: Line | None) -> Entry:
    if line is None or not line.get("outputs"):
        return None
    arrays = read_outputs(folder, line["outputs"])
    features = {key: array for key, array in arrays.items() if key not in NOT_FEATURES}
    return next(iter(features.values())) if len(features) == 1 else features


def _plain(entry: Entry) -> Any:
    if isinstance(entry, dict):
        return {key: array.tolist() for key, array in entry.items()}
    return None if entry is None else entry.tolist()


def _write_pickle(file: BinaryIO, entries: list[Entry], _names: list[str]) -> None:
    pickle.dump(entries, file, protocol=PICKLE_PROTOCOL)


def _write_json(file: BinaryIO, entries: list[Entry], _names: list[str]) -> None:
    file.write(json.dumps([_plain(entry) for entry in entries]).encode())


def _write_yaml(file: BinaryIO, entries: list[Entry], _names: list[str]) -> None:
    file.write(yaml.safe_dump([_plain(entry) for entry in entries]).encode())


def _write_npz(file: BinaryIO, entries: list[Entry], names: list[str]) -> None:
    """Write arrays by output name, "name/key" where a model has several outputs: .npz files hold no lists."""
    arrays = {}
    for name, entry in zip(names, entries, strict=True):
        if isinstance(entry, dict):
            arrays |= {f"{name}/{key}": array for key, array in entry.items()}
        elif entry is not None:
            arrays[name] = entry
    np.savez(file, **arrays)


WRITERS: dict[str, Callable[[BinaryIO, list[Entry], list[str]], None]] = {
    ".pkl": _write_pickle,
    ".pickle": _write_pickle,
    ".json": _write_json,
    ".yaml": _write_yaml,
    ".yml": _write_yaml,
    ".npz": _write_npz,
}
