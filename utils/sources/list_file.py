"""The rows of list files: text, CSV, JSON lines, Parquet. A bad row fails alone; the rest of the list is read."""

import csv
import os
from collections.abc import Iterator
from io import BufferedReader
from itertools import chain
from typing import Any, BinaryIO, Self

from utils.errors import RunError, UserError
from utils.sources.errors import message_of
from utils.sources.list_rows import PATHS, ListRow, column_name, parse_row
from utils.sources.rereadable import Rereadable
from utils.storage.json_text import parse_json
from utils.storage.urls import base_name, redacted

FLAG = "--file_with_video_paths"
LONGEST_LINE = 1 << 20  # bytes of a line, and characters of a CSV row of several lines
BATCH_ROWS = 8192

NumberedLine = tuple[int, str | None]  # from 1; None for a line that is too long


class ListFile:
    """A list file, read again for each pass over its rows.

    The suffix gives the format: .csv (or .tsv), .jsonl (or .ndjson), .parquet; anything else is text with one path per
    line, where blank lines and lines that start with # are ignored.
    """

    def __init__(self, path: str) -> None:
        self.label = redacted(path)
        self._file = Rereadable(path, FLAG)
        suffix = os.path.splitext(base_name(path))[1].lower()  # noqa: PTH122 - an address is not a Path
        self._rows = {
            ".csv": self._csv,
            ".tsv": self._csv,
            ".jsonl": self._json,
            ".ndjson": self._json,
            ".parquet": self._parquet,
        }.get(suffix, self._text)

    def rows(self) -> Iterator[ListRow]:
        """Yield the rows in order.

        Raises:
            UserError: the list as a whole cannot be read.
            RunError: it was changed since the first pass.
        """
        with self._file.open() as stream:
            try:
                yield from self._rows(stream)
            except OSError as error:
                raise RunError(f"{FLAG} {self.label}: cannot be read any more ({error})") from error

    def _text(self, stream: BufferedReader) -> Iterator[ListRow]:
        for number, line in _lines(self._checked_text(stream)):
            if line is None:
                yield ListRow(number, problem=_too_long())
            elif (path := line.strip()) and not path.startswith("#"):
                yield ListRow(number, path)

    def _csv(self, stream: BufferedReader) -> Iterator[ListRow]:
        lines = _lines(self._checked_text(stream))
        header = next((numbered for numbered in lines if numbered[1] is None or numbered[1].strip()), None)
        if header is None:
            return
        records = _csv_records(chain([header], lines), delimiter=max(",;\t", key=(header[1] or "").count))
        _, columns = next(records)
        names = [column_name(name) for name in columns] if not isinstance(columns, str) else []
        self._check_columns(names)
        for number, values in records:
            if isinstance(values, str):
                yield ListRow(number, problem=values)
            elif values:
                yield parse_row(number, names, values)

    def _json(self, stream: BufferedReader) -> Iterator[ListRow]:
        for number, line in _lines(self._checked_text(stream)):
            if line is None:
                yield ListRow(number, problem=_too_long())
            elif line.strip():
                yield _json_row(number, line)

    def _parquet(self, stream: BufferedReader) -> Iterator[ListRow]:
        from pyarrow import ArrowException, parquet

        try:
            file = parquet.ParquetFile(stream)
            fields = {field.name: field.type for field in file.schema_arrow}
            if len(fields) < len(file.schema_arrow):
                raise ValueError("two columns have one name")
        except (ArrowException, OSError, ValueError) as error:
            raise UserError(f"{FLAG} {self.label}: not readable as Parquet ({message_of(error)})") from error
        self._check_columns([column_name(name) for name in fields])
        columns = [name for name, kind in fields.items() if _is_plain(kind)]
        names = [column_name(name) for name in columns]
        end = 0
        for group in range(file.num_row_groups):
            number, end = end, end + file.metadata.row_group(group).num_rows
            try:
                for batch in file.iter_batches(BATCH_ROWS, row_groups=[group], columns=columns):
                    for values in zip(*(batch.column(name).to_pylist() for name in columns), strict=True):
                        number += 1
                        yield parse_row(number, names, values)
            except (ArrowException, OSError, ValueError, OverflowError) as error:
                reason = f"rows {number + 1} to {end} cannot be read ({message_of(error)}); write the file again"
                yield ListRow(number + 1, problem=reason)

    def _checked_text(self, stream: BufferedReader) -> BufferedReader:
        """Return the stream. UserError if it does not look like text in UTF-8."""
        head = stream.peek(4096)[:4096]
        if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head:
            raise UserError(
                f"{FLAG} {self.label}: not readable as text. Save a list as UTF-8; a video itself is given by "
                "--video_paths, a tar of clips by --tar_path"
            )
        return stream

    def _check_columns(self, names: list[str]) -> None:
        if not set(names) & set(PATHS):
            raise UserError(
                f"{FLAG} {self.label}: has no column {' or '.join(PATHS)}; its columns are "
                f"{', '.join(name[:50] for name in names[:20]) or 'none'}. The first row must name them"
            )


def _lines(stream: BinaryIO) -> Iterator[NumberedLine]:
    """Yield the lines of a text with their line ends.

    Bytes that are not UTF-8 become surrogates: a file may have such a name, and is opened by it.
    """
    number = 0
    while block := stream.readline(LONGEST_LINE):
        if number == 0:
            block = block.removeprefix(b"\xef\xbb\xbf")
        if len(block) == LONGEST_LINE and not block.endswith(b"\n"):
            _skip_line(stream)
            number += 1
            yield number, None
            continue
        for line in block.splitlines(keepends=True):
            number += 1
            yield number, line.decode("utf-8", "surrogateescape")


def _skip_line(stream: BinaryIO) -> None:
    while (block := stream.readline(LONGEST_LINE)) and not block.endswith(b"\n"):
        pass


class _RecordLines:
    """The lines of the record that csv.reader is reading: `first` and `last` are their numbers."""

    def __init__(self, lines: Iterator[NumberedLine]) -> None:
        self._lines = lines
        self.begin()

    def begin(self) -> None:
        """Begin the next record."""
        self.first = self.last = self._n_chars = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        self.last, line = next(self._lines)
        self.first = self.first or self.last
        if line is None:
            raise csv.Error(_too_long())
        self._n_chars += len(line)
        if self._n_chars > LONGEST_LINE:
            raise csv.Error("the row has too many lines")
        return line


def _csv_records(lines: Iterator[NumberedLine], delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """Yield each record with the number of its first line: its fields, or what is wrong with it.

    Within quotes a record may go on for several lines. One whose quote is never closed ends where csv.reader gives up.
    """
    record = _RecordLines(lines)
    reader = csv.reader(record, delimiter=delimiter, strict=True)
    while True:
        record.begin()
        try:
            values: list[str] | str = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            lost = f", so lines {record.first} to {record.last} are lost" if record.last > record.first else ""
            values = f"{error}{lost}; close every quote, put fields with commas or quotes in double quotes, and double"
            values += " the quotes in them"
        yield record.first, values


def _too_long() -> str:
    return f"the line is longer than {LONGEST_LINE} bytes; is the file a list?"


def _is_plain(kind: Any) -> bool:
    """Return whether values of this Arrow type are text, numbers or booleans."""
    from pyarrow import types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    kinds = (types.is_string, types.is_large_string, types.is_boolean, types.is_integer, types.is_floating)
    return any(is_kind(kind) for is_kind in (*kinds, types.is_decimal))


def _json_row(number: int, line: str) -> ListRow:
    try:
        found = parse_json(line)
    except ValueError as error:
        return ListRow(number, problem=f"not JSON ({message_of(error)}); write one object per line")
    if not isinstance(found, dict):
        return ListRow(number, problem='not a JSON object; write {"path": …} with optional start_s, end_s and id')
    return parse_row(number, [column_name(name) for name in found], list(found.values()))
