"""Videos as tables: a row per window, with the columns that Parquet and Lance files have."""

import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from utils.sinks.manifest_line import ManifestLine
from utils.sinks.naming import valid_text
from utils.sinks.numbered import Videos
from utils.sinks.output import ArrayInfo, Output, features_in
from utils.sinks.stored_video import MergedVideo, StoredVideo

if TYPE_CHECKING:
    import pyarrow as pa

EMBEDDING = "embedding"  # the column of a model with one output
Places = dict[str, tuple[int, int]]  # the first row of each video, by its id, and the number of its rows


def columns(line: ManifestLine) -> Hashable:
    """Return what decides the columns: keys, sizes and dtypes, and whether there are crops."""
    arrays = line.outputs[0].arrays
    features = [(key, arrays[key]) for key in features_in(arrays)]
    return tuple((key, info.shape[-1], info.dtype, len(info.shape) == 3) for key, info in features)


def tables(
    videos: Videos, lines: Sequence[ManifestLine], written: list[tuple[str, Mapping[str, ArrayInfo]]]
) -> Iterator["pa.Table"]:
    """Yield the rows of each video, and add its place and arrays to `written`."""
    for line in lines:
        with videos.opened(line) as video:
            yield table(line, video)
            arrays = line.outputs[0].arrays
            written.append((valid_text(line.id), {key: arrays[key] for key in video.features}))


def table(line: ManifestLine, video: StoredVideo) -> "pa.Table":
    """Return a row per window, or per crop of each window; one row where the features are of the whole video."""
    import pyarrow as pa

    arrays = {key: video.array(key) for key in video.features}
    shape = next(iter(arrays.values())).shape
    n_windows, n_crops = (shape[0] if len(shape) > 1 else 1), (shape[1] if len(shape) > 2 else 1)
    n_rows = n_windows * n_crops
    start_s, end_s = _spans(video, n_windows)
    meta = json.dumps(dict(line.meta)) if line.meta else None
    columns = {
        "id": pa.array([valid_text(line.id)] * n_rows, pa.string()),
        "name": pa.array([valid_text(line.name)] * n_rows, pa.string()),
        "window_index": pa.array(np.repeat(np.arange(n_windows), n_crops), pa.int32()),
        **({"crop": pa.array(np.tile(np.arange(n_crops), n_windows), pa.int32())} if len(shape) > 2 else {}),
        "start_s": pa.array([value for value in start_s for _ in range(n_crops)], pa.float64()),
        "end_s": pa.array([value for value in end_s for _ in range(n_crops)], pa.float64()),
        "fps": pa.array([line.fps] * n_rows, pa.float64()),
        "meta": pa.array([meta] * n_rows, pa.string()),
    }
    for key, array in arrays.items():
        flat = pa.array(np.ascontiguousarray(array).reshape(-1))
        name = EMBEDDING if len(arrays) == 1 else key
        columns[name] = pa.FixedSizeListArray.from_arrays(flat, array.shape[-1])
    return pa.table(columns)


def _spans(video: StoredVideo, n_windows: int) -> tuple[list[float | None], list[float | None]]:
    """Return the start and the end of each row in seconds, None where that is not known."""
    start_s, end_s = video.times("start_s"), video.times("end_s")
    if start_s is None or end_s is None or not len(start_s):
        return [None] * n_windows, [None] * n_windows
    if len(start_s) == n_windows:
        return start_s.tolist(), end_s.tolist()
    if n_windows == 1:
        return [float(start_s[0])], [float(end_s[-1])]
    return [None] * n_windows, [None] * n_windows


def places_of(ids: Sequence[str]) -> Places:
    """Return where each video is. ids: of all rows."""
    found: Places = {}
    for row, video_id in enumerate(ids):
        start, n_rows = found.get(video_id, (row, 0))
        found[video_id] = start, n_rows + 1
    return found


def arrays_of(rows: "pa.Table", output: Output) -> dict[str, np.ndarray]:
    """Return a video's features, with the times of their windows where they have any. rows: those of the video."""
    arrays = _features_of(rows, output)
    if len(next(iter(arrays.values())).shape) > 1:
        arrays |= _times_of(rows, arrays)
        if "end_s" in arrays and not rows["fps"].null_count:  # as other formats save it for frames
            arrays["timestamps_ms"] = 1000 * arrays["end_s"]
    return arrays


def video_of(rows: "pa.Table", output: Output) -> MergedVideo:
    """Return what the rows of a video hold of it."""
    features = _features_of(rows, output)
    return MergedVideo(list(features), {}, features | _times_of(rows, features))


def _features_of(rows: "pa.Table", output: Output) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for key, info in output.arrays.items():
        column = rows[EMBEDDING if len(output.arrays) == 1 else key].combine_chunks()
        arrays[key] = column.flatten().to_numpy(zero_copy_only=False).reshape(info.shape)
    return arrays


def _times_of(rows: "pa.Table", arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the start and the end of each window, or of the video; nothing where they are not known."""
    if rows["start_s"].null_count:
        return {}
    shape = next(iter(arrays.values())).shape
    n = shape[0] if len(shape) > 1 else 1
    return {name: rows[name].to_numpy().reshape(n, -1)[:, 0] for name in ("start_s", "end_s")}
