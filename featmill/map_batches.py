"""Extraction as a function of a batch of rows, for data frameworks."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from featmill.extractor import ONE_VIDEO, Extractor
from featmill.inputs import described, is_absent, stated
from featmill.outputs import rows
from featmill.settings import check
from featmill.video import Video
from utils.errors import UserError, VideoError

ERRORS = ("keep", "raise")


class MapBatches:
    """A callable that turns rows with a video each into rows with a window each; it can be pickled.

    For `map_batches` of Ray Data, `map(batched=True)` of Hugging Face datasets, `mapInPandas` and `mapInArrow` of
    Spark, and anything else that passes batches as a mapping of columns, a pandas DataFrame, a pyarrow Table or
    RecordBatch, or an iterator of these. The same kind is returned; a Table for a mapping of arrays, which have no
    room for the vectors of videos that fail. The networks are loaded once, in the process that calls it.

    Columns are those of the batch, repeated for each window, and "window_index", "start_s", "end_s", "embedding" (a
    vector), "status" and "notes". Columns "start_s" and "end_s" of the batch choose a segment of each video;
    an empty cell, which pandas shows as NaN, leaves that end open. A row whose video is empty fails.

    column: of the batch, with paths, addresses, bytes or mappings as `Extractor.map` takes them.
    key: which output is the embedding, where a feature type has several.
    errors: "keep": a video that fails makes a row whose embedding is None and whose notes say why. "raise": VideoError.
    device, flags: as for `Extractor`.

    Raises:
        UserError: an argument is wrong. What is missing where it is called, a GPU or a checkpoint, is said there.
    """

    def __init__(
        self,
        feature_type: str,
        *,
        column: str = "path",
        key: str | None = None,
        errors: str = "keep",
        device: str = "auto",
        **flags: Any,
    ) -> None:
        if errors not in ERRORS:
            raise UserError(f"errors is {errors!r}; choose from {', '.join(ERRORS)}")
        check(feature_type, str(device), flags)  # here, not on a cluster's nodes
        self._feature_type, self._device, self._flags = feature_type, device, flags
        self._column, self._key, self._errors = column, key, errors
        self._extractor: Extractor | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_extractor": None}

    def __call__(self, batch: Any) -> Any:
        """Return the rows of a batch, in its order, as the kind of batch that was given."""
        if isinstance(batch, Iterator):
            return map(self, batch)
        columns = _columns(batch)
        if self._column not in columns:
            raise UserError(f"a batch has no column {self._column!r}, only {', '.join(map(str, columns))}")
        if self._extractor is None:
            self._extractor = Extractor(self._feature_type, device=self._device, **self._flags)
        before = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        videos = self._extractor.map(map(self._video, before))
        after = [{**row, **new} for row, video in zip(before, videos, strict=True) for new in self._rows(video)]
        names = [*columns, *(name for name in (*NEW, "embedding") if name not in columns)]
        return _like(batch, {name: [row[name] for row in after] for name in names})

    def _video(self, row: Mapping[str, Any]) -> dict[str, Any]:
        video = row[self._column]
        segment = {name: row.get(name) for name in ("start_s", "end_s")}
        return stated({} if is_absent(video) else described(video)) | stated(segment)

    def _rows(self, video: Video) -> Iterator[dict[str, Any]]:
        about = {"status": video.status, "notes": "; ".join(video.notes)}
        if not video.arrays:
            if video.status == "failed" and self._errors == "raise":
                raise VideoError(about["notes"])
            yield {"window_index": 0, "start_s": np.nan, "end_s": np.nan, "embedding": None, **about}
            return
        key = self._key or next(iter(video))
        if key not in video or (self._key is None and len(video) > 1):
            raise UserError(f"{video.feature_type} gives {', '.join(video)}: name one of them with key=")
        for row in rows(video):
            yield {name: row[name] for name in ("window_index", "start_s", "end_s")} | {"embedding": row[key], **about}


NEW = ("window_index", "start_s", "end_s", "status", "notes")


def _columns(batch: Any) -> dict[str, list[Any]]:
    """Return the columns of a batch as lists."""
    if hasattr(batch, "to_pydict"):  # pyarrow
        return batch.to_pydict()
    if isinstance(batch, Mapping):
        return {name: _listed(name, values) for name, values in batch.items()}
    if hasattr(batch, "columns"):  # pandas
        return {name: batch[name].tolist() for name in batch.columns}
    raise UserError(f"a batch is a {type(batch).__name__}: give a mapping of columns, a DataFrame or a Table")


def _has_arrays(columns: Mapping[str, Any]) -> bool:
    return any(isinstance(values, np.ndarray) for values in columns.values())


def _listed(name: str, values: Any) -> list[Any]:
    if isinstance(values, ONE_VIDEO) or not hasattr(values, "__iter__"):
        raise UserError(
            f"column {name!r} is a {type(values).__name__}, not a list: give batches, not rows; map(..., batched=True)"
        )
    return values.tolist() if isinstance(values, np.ndarray) and values.ndim == 1 else list(values)


def _nested(values: Any) -> Any:
    """Return arrays as lists of vectors, of any number of axes: Arrow takes no others."""
    if isinstance(values, list) or (isinstance(values, np.ndarray) and values.ndim > 1):
        return [_nested(value) for value in values]
    return values


def _like(batch: Any, columns: dict[str, list[Any]]) -> Any:
    """Return columns as the kind of batch that was given."""
    if hasattr(batch, "to_pydict") or (isinstance(batch, Mapping) and _has_arrays(batch)):
        import pyarrow

        kind = pyarrow.RecordBatch if isinstance(batch, pyarrow.RecordBatch) else pyarrow.Table
        return kind.from_pydict({name: _nested(values) for name, values in columns.items()})
    if isinstance(batch, Mapping):
        return columns
    return type(batch)(columns)
