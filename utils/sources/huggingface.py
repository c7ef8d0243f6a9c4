"""Videos of a Hugging Face data set, streamed from the hub, or from a folder without a network."""

import contextlib
import os
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from utils.config.run import RunConfig
from utils.config.schema import nearest
from utils.errors import UserError
from utils.sources.errors import cause_of, read_errors
from utils.sources.folder import Patterns
from utils.sources.names import as_json, safe_id, safe_name
from utils.sources.ref import VideoRef
from utils.sources.unique import Seen
from utils.storage.urls import base_name, is_url, redacted, scheme

if TYPE_CHECKING:
    from datasets import IterableDataset

IDS = ("id", "video_id", "key", "__key__")
USUAL = ("video", "mp4", "video_path", "path", "file_name", "filename", "file", "url")
LARGEST = 2 << 30  # bytes of a video in memory


class HuggingFaceSource:
    """The rows of one split. The id of a row is its column id, video_id or key, else its split and number.

    A second row with the same id gets its number added. Text, numbers and booleans of the other columns become
    metadata.
    """

    def __init__(self, run: RunConfig) -> None:
        """Raises UserError: there is no such data set, configuration, split or column, or a package is missing."""
        self._name = run.hf_dataset or ""
        self._is_local = Path(self._name).is_dir()
        self._root = run.video_root
        self.roots = (Path(self._name),) if self._is_local else ()
        self._split = run.hf_split
        rows = _load(self._name, run.hf_config, run.hf_split)
        features = rows.features if rows.features is not None else _inferred(rows, self._name)
        self._video = _video_column(features, run.hf_video_column, rows, Patterns(run.glob), self._name)
        self._others = [name for name, kind in features.items() if name != self._video and _is_plain(kind)]
        self._id = next((name for name in IDS if name in self._others), None)
        self._rows = _undecoded(rows, self._video, features).select_columns([self._video, *self._others])

    def refs(self, shard_done: Callable[[str], bool]) -> Iterator[VideoRef]:
        """Yield the videos; a row without one is refused, and so is the rest after a read error."""
        yield from self._read(self._rows, with_data=True)

    def listed(self) -> Iterator[VideoRef]:
        """Yield all rows without their videos, which are not fetched if the format allows that."""
        rows = self._rows.select_columns([self._id or self._others[0]]) if self._others else self._rows
        yield from self._read(rows, with_data=False)

    def _read(self, rows: "IterableDataset", *, with_data: bool) -> Iterator[VideoRef]:
        seen = Seen()
        number = 0
        try:
            for number, row in enumerate(rows):
                yield self._ref(number, row, seen, with_data=with_data)
                number += 1
        except read_errors() as error:
            reason = (
                f"{redacted(self._name)}: reading stops at row {number} ({cause_of(error)}); run the same command again"
            )
            id_ = f"{redacted(self._name)} {self._split} from row {number}"
            yield VideoRef(id_, safe_name(id_), redacted(self._name), refused=("failed", reason))

    def _ref(self, number: int, row: dict[str, Any], seen: Seen, *, with_data: bool) -> VideoRef:
        id_ = row.get(self._id) if self._id else None
        if not isinstance(id_, str | int) or isinstance(id_, bool) or id_ == "":
            id_ = f"{self._split}_{number:08d}"
        id_ = safe_id(str(id_))
        name = safe_name(id_)
        if not seen.add(name):
            id_, name = f"{id_}#{number}", safe_name(f"{id_}_row{number}")
        label = f"{redacted(self._name)}, row {number}"
        if not with_data:
            return VideoRef(id_, name, label)
        path, data, problem = self._content(row[self._video])
        meta = {key: as_json(value) for key, value in row.items() if key != self._video and value is not None}
        if path and data is not None:
            meta.setdefault("file", safe_id(base_name(path) if is_url(path) else path.rpartition("/")[2]))
        refused = ("failed", f"{label}: {problem}") if problem else None
        return VideoRef(
            id_, name, label if data is not None or problem else path, data=data, meta=meta, refused=refused
        )

    def _content(self, value: Any) -> tuple[str, bytes | None, str]:
        """Return path, bytes and problem of a value of the video column."""
        path, data = value, None
        if isinstance(value, Mapping):
            path, data = value.get("path"), value.get("bytes")
        elif isinstance(value, bytes | bytearray):
            path, data = "", bytes(value)
        path = path if isinstance(path, str) else ""
        if data is not None:
            too_large = f"the video has {len(data)} bytes, more than {LARGEST}" if len(data) > LARGEST else ""
            return path, None if too_large else bytes(data), too_large
        if not path:
            return "", None, f"column {self._video} has no video"
        try:
            return self._located(path), None, ""
        except ValueError as error:
            return "", None, f"column {self._video}: {error}"

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
            beside = Path(self._name) / path
            return str(beside) if not Path(path).exists() and beside.exists() else path
        if is_url(path) or _leads_out(path):
            raise ValueError(
                f"{path[:200]!r} is not a file of the data set; give --video_root if it is below a local folder"
            )
        return f"hf://datasets/{self._name}/{path}"


def _leads_out(path: str) -> bool:
    return path.startswith(("/", "~")) or "/../" in f"/{path}/"


def _load(name: str, config: str | None, split: str) -> "IterableDataset":
    try:
        with _without_torch():
            from datasets import load_dataset
    except ImportError as error:
        raise UserError("--hf_dataset needs the package datasets: pip install datasets") from error
    try:
        splits = load_dataset(name, name=config, streaming=True)
    except Exception as error:  # data set builders raise errors of any type
        raise UserError(f"--hf_dataset {redacted(name)}: cannot be loaded ({cause_of(error)})") from error
    if split not in splits:
        known = [str(name) for name in splits]
        raise UserError(
            f"--hf_split {split}: {redacted(name)} has no such split; "
            f"choose from {', '.join(known)}{nearest(split, known)}"
        )
    return splits[split]


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
        raise UserError(f"--hf_dataset {redacted(name)}: cannot be read ({cause_of(error)})") from error
    if not features:
        raise UserError(f"--hf_dataset {redacted(name)}: has no rows")
    return features


def _video_column(
    features: Mapping[str, Any], wanted: str | None, rows: "IterableDataset", patterns: Patterns, name: str
) -> str:
    """Return the video column: the one asked for, else the first that fits best."""
    known = ", ".join(features)
    if wanted is not None:
        if wanted not in features:
            raise UserError(
                f"--hf_video_column {wanted}: {redacted(name)} has no such column; its columns are {known}"
                f"{nearest(wanted, features)}"
            )
        if _fit(features[wanted]) is None:
            raise UserError(f"--hf_video_column {wanted}: has neither videos, bytes nor paths; its columns are {known}")
        return wanted
    fits = {column: _fit(kind) for column, kind in features.items()}
    usual = [column for column in USUAL if column in fits]
    for kind in ("video", "file", "bytes"):
        found = [column for column in [*usual, *fits] if fits[column] == kind]
        if found:
            return found[0]
    first = next(iter(rows.take(1)), {})
    texts = [column for column in [*usual, *fits] if fits[column] == "text"]
    for column in texts:
        if patterns.match(base_name(first[column]) if is_url(first.get(column) or "") else first.get(column) or ""):
            return column
    raise UserError(f"--hf_dataset {redacted(name)}: no column has videos; give --hf_video_column, one of {known}")


def _fit(kind: Any) -> str | None:
    """Return how a column of this feature has videos: as video, file (bytes and path), bytes or text; None if not."""
    from datasets import Value, Video

    if isinstance(kind, Video):
        return "video"
    if isinstance(kind, Mapping) and {"bytes", "path"} <= set(kind):
        return "file"
    if isinstance(kind, Value):
        if "binary" in kind.dtype:
            return "bytes"
        return "text" if "string" in kind.dtype else None
    return None


def _is_plain(kind: Any) -> bool:
    from datasets import ClassLabel, Value

    return isinstance(kind, ClassLabel) or (isinstance(kind, Value) and "binary" not in kind.dtype)


def _undecoded(rows: "IterableDataset", column: str, features: Mapping[str, Any]) -> "IterableDataset":
    """Return the rows with videos as bytes and paths, so that the package does not decode them."""
    from datasets import Video

    return rows.cast_column(column, Video(decode=False)) if isinstance(features[column], Video) else rows


def _reason(error: Exception) -> str:
    return redacted(" ".join(str(error).split()))[:500] or type(error).__name__
