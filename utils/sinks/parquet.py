"""Parquet files with a row per window: features-000000.parquet, …"""

import json
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from utils.sinks import rewritten, staging
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.naming import valid_text
from utils.sinks.numbered import merge_numbered
from utils.sinks.output import ArrayInfo, Output, features_in, store
from utils.storage.folder import Folder

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

SUFFIX = ".parquet"
EMBEDDING = "embedding"  # the column of a model with one output
TEXTS = ["id", "name", "meta"]  # the columns in which values come again and again
GROUP_BYTES = 32 << 20  # of a row group: what a reader takes into memory at once, at the least


def merge(
    folder: Folder, lines: Sequence[ManifestLine], taken: Collection[str], _outdated: Collection[str] = ()
) -> list[ManifestLine]:
    """Put staged videos into new files, see `merge_numbered`; features of different sizes come into different files."""
    return merge_numbered(folder, lines, taken, SUFFIX, _write, _columns)


def _columns(line: ManifestLine) -> Hashable:
    """Return what decides the columns: keys, sizes and dtypes, and whether there are crops."""
    arrays = line.outputs[0].arrays
    features = [(key, arrays[key]) for key in features_in(arrays)]
    return tuple((key, info.shape[-1], info.dtype, len(info.shape) == 3) for key, info in features)


def _write(file: BinaryIO, folder: Folder, lines: Sequence[ManifestLine]) -> list[tuple[str, Mapping[str, ArrayInfo]]]:
    written: list[tuple[str, Mapping[str, ArrayInfo]]] = []
    _write_tables(file, _tables(folder, lines, written))
    return written


def _tables(
    folder: Folder, lines: Sequence[ManifestLine], written: list[tuple[str, Mapping[str, ArrayInfo]]]
) -> Iterator["pa.Table"]:
    """Yield the rows of each video, and add its place and arrays to `written`."""
    for line in lines:
        output = staging.staged_output(line)
        with staging.opened(folder, output) as staged:
            yield _table(line, staged)
            written.append((valid_text(line.id), {key: output.arrays[key] for key in staged.features}))


def _write_tables(file: BinaryIO, tables: Iterator["pa.Table"]) -> None:
    """Write tables of the same columns, some tens of MiB of rows at once."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: pq.ParquetWriter | None = None
    waiting: list[pa.Table] = []
    n_bytes = 0  # of those
    for table in tables:
        if writer is None:
            columns = [name for name in table.column_names if name not in _embeddings(table.schema)]
            options: Any = {"use_dictionary": TEXTS, "write_statistics": columns}  # its annotations know no lists
            writer = pq.ParquetWriter(file, table.schema, compression="zstd", **options)
        if waiting and n_bytes + table.nbytes > GROUP_BYTES:
            _write_group(writer, waiting)
            waiting, n_bytes = [], 0
        waiting.append(table)
        n_bytes += table.nbytes
    if writer is not None:
        _write_group(writer, waiting)
        writer.close()


def _write_group(writer: "pq.ParquetWriter", tables: list["pa.Table"]) -> None:
    import pyarrow as pa

    rows = pa.concat_tables(tables)
    row_bytes = max(1, rows.nbytes // max(1, rows.num_rows))
    writer.write_table(rows, row_group_size=max(1, GROUP_BYTES // row_bytes))


def _embeddings(schema: "pa.Schema") -> list[str]:
    import pyarrow as pa

    return [field.name for field in schema if pa.types.is_fixed_size_list(field.type)]


def _table(line: ManifestLine, staged: staging.StagedVideo) -> "pa.Table":
    """Return a row per window, or per crop of each window; one row where the features are of the whole video."""
    import pyarrow as pa

    arrays = {key: staged.array(key) for key in staged.features}
    shape = next(iter(arrays.values())).shape
    n_windows, n_crops = (shape[0] if len(shape) > 1 else 1), (shape[1] if len(shape) > 2 else 1)
    n_rows = n_windows * n_crops
    start_s, end_s = _spans(staged, n_windows)
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


def _spans(staged: staging.StagedVideo, n_windows: int) -> tuple[list[float | None], list[float | None]]:
    """Return the start and the end of each row in seconds, None where that is not known."""
    start_s, end_s = staged.times("start_s"), staged.times("end_s")
    if start_s is None or end_s is None or not len(start_s):
        return [None] * n_windows, [None] * n_windows
    if len(start_s) == n_windows:
        return start_s.tolist(), end_s.tolist()
    if n_windows == 1:
        return [float(start_s[0])], [float(end_s[-1])]
    return [None] * n_windows, [None] * n_windows


def remove_places(folder: Folder, name: str, places: Collection[str]) -> None:
    """Rewrite a file without the rows of some videos; remove it if none are left."""
    import pyarrow.compute

    pc: Any = pyarrow.compute  # its functions are made when it is imported, so type checkers know none

    try:
        old = ParquetFile(folder, name)
    except FileNotFoundError:
        return
    gone = set(places) & old.places.keys()
    if not gone:
        return
    if gone == old.places.keys():
        folder.remove(name)
        return
    groups = (old.group(i) for i in range(old.n_groups))
    kept = (group.filter(pc.invert(pc.is_in(group["id"], _strings(gone)))) for group in groups)
    stored = store(folder, name, lambda file: _write_tables(file, (group for group in kept if group.num_rows)))
    rewritten.note(folder, name, stored.crc32)


def _strings(values: Collection[str]) -> "pa.Array":
    import pyarrow as pa

    return pa.array(sorted(values), pa.string())


class ParquetFile:
    """One file, open for reading."""

    def __init__(self, folder: Folder, name: str) -> None:
        import pyarrow.parquet as pq

        self._stream = folder.open(name)
        self.n_bytes = self._stream.seek(0, 2)
        self._file = pq.ParquetFile(self._stream)
        self._group: tuple[int, Any] = (-1, None)  # the one read last
        self._places: dict[str, tuple[int, int]] | None = None

    @property
    def n_groups(self) -> int:
        """The number of row groups."""
        return self._file.num_row_groups

    @property
    def places(self) -> dict[str, tuple[int, int]]:
        """The first row of each video, by its id, and the number of its rows."""
        if self._places is None:
            found: dict[str, tuple[int, int]] = {}
            ids = (self._file.read_row_group(i, ["id"])["id"] for i in range(self.n_groups))
            for row, video_id in enumerate(video_id for column in ids for video_id in column.to_pylist()):
                start, n_rows = found.get(video_id, (row, 0))
                found[video_id] = start, n_rows + 1
            self._places = found
        return self._places

    def group(self, index: int) -> "pa.Table":
        """Return one row group; the last one is remembered."""
        if self._group[0] != index:
            self._group = index, self._file.read_row_group(index)
        return self._group[1]

    def holds(self, output: Output) -> bool:
        """Return whether the video is in the file: sure if it is as long as it was, else its rows are looked for."""
        if self.n_bytes == output.bytes:
            return True
        shape = next(iter(output.arrays.values())).shape
        n_rows = self.places.get(output.place or "", (0, 0))[1]
        return n_rows == int(np.prod(shape[:-1]))

    def is_intact(self, output: Output) -> bool:
        """Return True: the file is compared whole."""
        return True

    def read(self, output: Output) -> dict[str, np.ndarray]:
        """Return the video's features, with the times of their windows where they have any."""
        start, n_rows = self.places[output.place or ""]
        rows = self._rows(start, n_rows)
        arrays = {}
        for key, info in output.arrays.items():
            column = rows[EMBEDDING if len(output.arrays) == 1 else key].combine_chunks()
            arrays[key] = column.flatten().to_numpy(zero_copy_only=False).reshape(info.shape)
        shape = next(iter(output.arrays.values())).shape
        if len(shape) > 1 and not rows["start_s"].null_count:
            for name in ("start_s", "end_s"):
                arrays[name] = rows[name].to_numpy().reshape(shape[0], -1)[:, 0]
        return arrays

    def _rows(self, start: int, n_rows: int) -> "pa.Table":
        import pyarrow as pa

        wanted, first = [], 0
        for index in range(self.n_groups):
            length = self._file.metadata.row_group(index).num_rows
            begin, end = max(start, first), min(start + n_rows, first + length)
            if begin < end:
                wanted.append(self.group(index).slice(begin - first, end - begin))
            first += length
        return pa.concat_tables(wanted)
