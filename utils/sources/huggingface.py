"""Videos of a Hugging Face data set, streamed from the hub, or from a folder without a network."""

import contextlib
import os
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from utils.config.run import RunConfig
from utils.config.schema import did_you_mean
from utils.errors import UserError
from utils.sources.errors import message_of, read_errors
from utils.sources.hf_columns import is_plain, media_columns, undecoded
from utils.sources.media_filter import MediaFilter
from utils.sources.names import as_json, safe_id, safe_name, without_suffix
from utils.sources.ref import Refusal, VideoRef
from utils.sources.unique import Seen
from utils.storage.urls import base_name, is_url, redacted, scheme

if TYPE_CHECKING:
    from datasets import IterableDataset

IDS = ("id", "video_id", "key", "__key__")
LARGEST = 2 << 30  # bytes of a video in memory
DECODED = {
    "txt",
    "text",
    "transcript",
    "cls",
    "cls2",
    "index",
    "inx",
    "id",
    "json",
    "jsn",
}  # members of tars, by suffix: text, numbers


class HuggingFaceSource:
    """The rows of one split. The id of a row is its column id, video_id or key, else the name of its file.

    A row with neither has its split and number as id; a second row with the same id gets its number added. Types of
    sound take the column of sound, if there is one. Text, numbers and booleans of other columns become metadata.
    """

    def __init__(self, run: RunConfig, media_filter: MediaFilter, same: Callable[[str], str] = str) -> None:
        """Raises UserError: there is no such data set, configuration, split or column, or a package is missing."""
        self._name = run.hf_dataset or ""
        self._is_local = Path(self._name).is_dir()
        self._root, self._same = run.video_root, same
        self.roots = (Path(self._name),) if self._is_local else ()
        self._split = run.hf_split
        self._skip_silent = run.no_audio == "skip"
        self.read_well: list[str] = []
        rows = _load(self._name, run.hf_config, run.hf_split)
        features = rows.features if rows.features is not None else _inferred(rows, self._name)
        rows = undecoded(rows, features)
        self._columns = media_columns(features, rows, media_filter, run)
        self._others = [name for name, kind in features.items() if name not in self._columns and is_plain(kind)]
        self._id = next((name for name in IDS if name in self._others), None)
        self._rows = rows.select_columns([*dict.fromkeys(self._columns), *self._others])

    def refs(self, shard_done: Callable[[str], bool]) -> Iterator[VideoRef]:
        """Yield the videos; a row without one is refused, and so is the rest after a read error."""
        yield from self._read(self._rows, with_data=True)

    def listed(self) -> Iterator[VideoRef]:
        """Yield all rows without their videos, which are not fetched if a column has the ids."""
        rows = self._rows.select_columns([self._id]) if self._id else self._rows
        yield from self._read(rows, with_data=False)

    def _read(self, rows: "IterableDataset", *, with_data: bool) -> Iterator[VideoRef]:
        seen = Seen()
        number, id_ = 0, f"{redacted(self._name)} {self._split}"
        try:
            for number, row in enumerate(rows):
                yield self._ref(number, row, seen, with_data=with_data)
                number += 1
            self.read_well.append(id_)
        except (ImportError, *read_errors()) as error:  # packages that some kinds of columns want
            reason = (
                f"{redacted(self._name)}: reading stops at row {number} ({message_of(error)}); "
                "run the same command again"
            )
            yield VideoRef(id_, safe_name(id_), redacted(self._name), refused=("failed", reason))

    def _ref(self, number: int, row: dict[str, Any], seen: Seen, *, with_data: bool) -> VideoRef:
        id_ = row.get(self._id) if self._id else None
        if not isinstance(id_, str | int) or isinstance(id_, bool) or id_ == "":
            files = (_file_of(row.get(column)) for column in self._columns)
            id_ = next(filter(None, files), "") or f"{self._split}_{number:08d}"
        id_, name = self._unused(safe_id(str(id_)), number, seen)
        label = f"{redacted(self._name)}, row {number}"
        if not with_data:
            return VideoRef(id_, name, label)
        parts = [self._part(id_, name, label, row, column) for column in self._columns]
        return replace(parts[0], audio=parts[1]) if len(parts) > 1 else parts[0]

    def _unused(self, id_: str, number: int, seen: Seen) -> tuple[str, str]:
        """Return the id and the output name of a row, which no other has: by its own id, or with its number."""
        found, n = (id_, safe_name(id_)), 0
        while not all(list(map(seen.add, dict.fromkeys(map(self._same, found))))):  # adds all, so that order decides
            n += 1
            end = f"{number}_{n}" if n > 1 else f"{number}"
            found = f"{id_}#{end}", safe_name(f"{id_}_row{end}")
        return found

    def _part(self, id_: str, name: str, label: str, row: dict[str, Any], column: str) -> VideoRef:
        """Return what a row has in one of the columns of videos or sound."""
        path, data, problem = self._content(row[column], column)
        meta = {key: as_json(value) for key, value in row.items() if key in self._others and value is not None}
        if path and data is not None:
            meta.setdefault("file", safe_id(base_name(path) if is_url(path) else path.rpartition("/")[2]))
        status = "skipped" if row[column] is None and self._may_lack(column) else "failed"
        refused: Refusal | None = (status, f"{label}: {problem}") if problem else None
        return VideoRef(
            id_, name, label if data is not None or problem else path, data=data, meta=meta, refused=refused
        )

    def _may_lack(self, column: str) -> bool:
        """Return whether a row may have no sound beside its video, as the user says."""
        return self._skip_silent and len(self._columns) > 1 and column == self._columns[-1]

    def _content(self, value: Any, column: str) -> tuple[str, bytes | None, str]:
        """Return path, bytes and problem of a value of a column of videos or sound."""
        path, data = value, None
        if isinstance(value, Mapping):
            path, data = value.get("path"), value.get("bytes")
        elif isinstance(value, bytes | bytearray):
            path, data = "", bytes(value)
        path = path if isinstance(path, str) else ""
        if data is not None:
            too_large = f"the file has {len(data)} bytes, more than {LARGEST}" if len(data) > LARGEST else ""
            return path, None if too_large else bytes(data), too_large
        if not path:
            return "", None, f"column {column} has no video or sound"
        try:
            return self._located(path), None, ""
        except ValueError as error:
            return "", None, f"column {column}: {error}"

    def _located(self, path: str) -> str:
        """Return the path of a file that a row names. Only local data sets, or --video_root, lead to local files."""
        if "\0" in path:
            raise ValueError("its path has a NUL character")
        if is_url(path) and scheme(path) not in ("file", "local"):
            return path
        if self._root is not None and not is_url(path) and not _leads_out(path):
            return f"{self._root.rstrip('/')}/{path}"
        if self._is_local:
            path = path.partition("://")[2] if is_url(path) else path
            beside = os.path.join(self._name, path)  # noqa: PTH118 - with exists, which takes a path of any length
            return beside if not os.path.exists(path) and os.path.exists(beside) else path  # noqa: PTH110
        if is_url(path) or _leads_out(path):
            raise ValueError(
                f"{path[:200]!r} is not a file of the data set; give --video_root if it is below a local folder"
            )
        return f"hf://datasets/{self._name}/{path}"


def _file_of(value: Any) -> str:
    """Return what a row's file is called, without folders and suffix; "" where it has no name."""
    path = value.get("path") if isinstance(value, Mapping) else value
    return without_suffix(base_name(path)) if isinstance(path, str) else ""


def _leads_out(path: str) -> bool:
    return path.startswith(("/", "~")) or "/../" in f"/{path}/"


def _load(name: str, config: str | None, split: str) -> "IterableDataset":
    try:
        with _without_torch():
            from datasets import load_dataset
            from datasets.packaged_modules.webdataset.webdataset import WebDataset
    except ImportError as error:
        raise UserError("--hf_dataset needs the package datasets: pip install datasets") from error
    WebDataset.DECODERS = {
        kind: decode if kind in DECODED else _left_out for kind, decode in WebDataset.DECODERS.items()
    }
    try:
        splits = load_dataset(name, name=config, streaming=True)
    except Exception as error:  # data set builders raise errors of any type
        raise UserError(f"--hf_dataset {redacted(name)}: cannot be loaded ({message_of(error)})") from error
    if split not in splits:
        known = [str(name) for name in splits]
        raise UserError(
            f"--hf_split {split}: {redacted(name)} has no such split; "
            f"choose from {', '.join(known)}{did_you_mean(split, known)}"
        )
    return splits[split]


def _left_out(_data: bytes) -> None:
    """Decode nothing. The package decodes all members of a tar, also those of columns that nobody reads."""


@contextlib.contextmanager
def _without_torch() -> Generator[None, None, None]:
    """Keep the package from importing PyTorch, which takes two seconds and is not needed."""
    before = os.environ.get("USE_TORCH")
    os.environ["USE_TORCH"] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ["USE_TORCH"]
        else:
            os.environ["USE_TORCH"] = before


def _inferred(rows: "IterableDataset", name: str) -> Mapping[str, Any]:
    """Return the columns of a data set that does not describe them, from its first rows."""
    from datasets import Dataset

    try:
        features = Dataset.from_list(list(rows.take(10))).features
    except Exception as error:  # data set builders raise errors of any type
        raise UserError(f"--hf_dataset {redacted(name)}: cannot be read ({message_of(error)})") from error
    if not features:
        raise UserError(f"--hf_dataset {redacted(name)}: has no rows")
    return features
