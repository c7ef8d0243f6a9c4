"""Parquet files with a row per window: features-000000.parquet, …"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from utils.sinks import rewritten
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.numbered import Videos, merge_numbered
from utils.sinks.output import ArrayInfo, Output, store
from utils.sinks.stored_video import MergedVideo
from utils.sinks.window_table import Places, arrays_of, columns, places_of, tables, video_of
from utils.storage.folder import Folder

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

SUFFIX = ".parquet"
TEXTS = ["id", "name", "meta"]  # the columns in which values come again and again
GROUP_BYTES = 32 << 20  # of a row group: what a reader takes into memory at once, at the least


def merge(
    folder: Folder,
    lines: Sequence[ManifestLine],
    kept: Iterable[ManifestLine],
    taken: Collection[str],
    only_full: bool = False,
) -> list[ManifestLine]:
    """Put videos into files, see `merge_numbered`; features of different sizes come into different files."""
    return merge_numbered(folder, lines, kept, taken, SUFFIX, (_write, ParquetFile, columns), only_full)


def _write(file: BinaryIO, videos: Videos, lines: Sequence[ManifestLine]) -> list[tuple[str, Mapping[str, ArrayInfo]]]:
    written: list[tuple[str, Mapping[str, ArrayInfo]]] = []
    _write_tables(file, tables(videos, lines, written))
    return written


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
        self._places: Places | None = None

    @property
    def n_groups(self) -> int:
        """The number of row groups."""
        return self._file.num_row_groups

    @property
    def places(self) -> Places:
        """Where each video is."""
        if self._places is None:
            ids = (self._file.read_row_group(i, ["id"])["id"] for i in range(self.n_groups))
            self._places = places_of([video_id for column in ids for video_id in column.to_pylist()])
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
        return arrays_of(self._rows(*self.places[output.place or ""]), output)

    def video(self, output: Output) -> MergedVideo:
        """Return all that the file holds of a video."""
        return video_of(self._rows(*self.places[output.place or ""]), output)

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
