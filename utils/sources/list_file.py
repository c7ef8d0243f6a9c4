"""The rows of list files: text, CSV, JSON lines, Parquet. One bad row is one bad row, never the end of the list."""

import csv
import json
import math
import os
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

from utils.errors import RunError, UserError
from utils.sources.rereadable import Rereadable
from utils.storage.urls import base_name, redacted

FLAG = "--file_with_video_paths"
PATHS = ("path", "video_path", "filename", "url")
STARTS = ("start_s", "start")
ENDS = ("end_s", "end")
IDS = ("id",)
LONGEST_LINE = 1 << 20  # bytes
READ_AGAIN = 16 << 20  # characters behind unclosed quotes that are read again as rows of their own
BATCH_ROWS = 8192
NUMBER = "write seconds as a number such as 12.5, or leave the field empty"


class ListRow(NamedTuple):
    """One row: what it says, or what is wrong with it.

    number: its line in the file, or its row in a Parquet file. meta: its other columns as they were read.
    """

    number: int
    path: str = ""
    id: str | None = None
    start_s: float | None = None
    end_s: float | None = None
    meta: Mapping[str, Any] = {}
    problem: str | None = None


class BadRow(ValueError):  # noqa: N818 - recorded, not an error of the program
    """A row that cannot be used, with the reason and the remedy."""


class ListFile:
    """A list file, read anew for each pass over its rows.

    The suffix says what it is: .csv (or .tsv), .jsonl (or .ndjson), .parquet; anything else is text with one path per
    line, blank lines and lines that start with # left out.
    """

    def __init__(self, path: str) -> None:
        self.shown = redacted(path)
        self._file = Rereadable(path, FLAG)
        suffix = os.path.splitext(base_name(path))[1].lower()  # noqa: PTH122 - an address is no Path
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
            UserError: the list as a whole cannot be read. RunError: it was changed since the first pass.
        """
        with self._file.open() as stream:
            try:
                yield from self._rows(stream)
            except OSError as error:
                raise RunError(f"{FLAG} {self.shown}: cannot be read any more ({error})") from error

    def _text(self, stream: BinaryIO) -> Iterator[ListRow]:
        for number, line in Lines(self._checked_text(stream)):
            if line is None:
                yield ListRow(number, problem=_too_long())
            elif (entry := line.strip()) and not entry.startswith("#"):
                yield ListRow(number, entry)

    def _csv(self, stream: BinaryIO) -> Iterator[ListRow]:
        lines = _CsvLines(Lines(self._checked_text(stream)))
        header = lines.header()
        if header is None:
            return
        names, delimiter = header
        self._check_columns(names)
        for number, values in lines.records(delimiter):
            if isinstance(values, str):
                yield ListRow(number, problem=values)
            elif values:
                yield _row(number, names, values)

    def _json(self, stream: BinaryIO) -> Iterator[ListRow]:
        for number, line in Lines(self._checked_text(stream)):
            if line is None:
                yield ListRow(number, problem=_too_long())
            elif line.strip():
                yield _json_row(number, line)

    def _parquet(self, stream: BinaryIO) -> Iterator[ListRow]:
        from pyarrow import ArrowException, parquet

        try:
            file = parquet.ParquetFile(stream)
            fields = {field.name: field.type for field in file.schema_arrow}
            if len(fields) < len(file.schema_arrow):
                raise ValueError("two columns have one name")
        except (ArrowException, OSError, ValueError) as error:
            raise UserError(f"{FLAG} {self.shown}: not readable as Parquet ({_first_line(error)})") from error
        names = [_column(name) for name in fields]
        self._check_columns(names)
        columns = [name for name, kind in fields.items() if _is_plain(kind)]
        names = [_column(name) for name in columns]
        end = 0
        for group in range(file.num_row_groups):
            number, end = end, end + file.metadata.row_group(group).num_rows
            try:
                for batch in file.iter_batches(BATCH_ROWS, row_groups=[group], columns=columns):
                    for values in zip(*(batch.column(name).to_pylist() for name in columns), strict=True):
                        number += 1
                        yield _row(number, names, values)
            except (ArrowException, OSError, ValueError, OverflowError) as error:
                reason = f"rows {number + 1} to {end} cannot be read ({_first_line(error)}); write the file again"
                yield ListRow(number + 1, problem=reason)

    def _checked_text(self, stream: BinaryIO) -> BinaryIO:
        head = stream.peek(4096)[:4096]
        if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head:
            raise UserError(f"{FLAG} {self.shown}: not readable as text; save it as UTF-8")
        return stream

    def _check_columns(self, names: list[str]) -> None:
        if not set(names) & set(PATHS):
            raise UserError(
                f"{FLAG} {self.shown}: has no column {' or '.join(PATHS)}; its columns are "
                f"{', '.join(name[:50] for name in names[:20]) or 'none'}. The first row must name them"
            )


class Lines:
    """The lines of a text with their numbers from 1, None for one that is too long. Keeps their ends.

    Bytes that are no UTF-8 become surrogates, by which a file of such a name is opened.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[tuple[int, str | None]]:
        number = 0
        while block := self._stream.readline(LONGEST_LINE):
            if number == 0:
                block = block.removeprefix(b"\xef\xbb\xbf")
            if len(block) == LONGEST_LINE and not block.endswith(b"\n"):
                self._skip()
                number += 1
                yield number, None
                continue
            for line in block.splitlines(keepends=True):
                number += 1
                yield number, line.decode("utf-8", "surrogateescape")

    def _skip(self) -> None:
        while (block := self._stream.readline(LONGEST_LINE)) and not block.endswith(b"\n"):
            pass


class _CsvLines:
    """Feeds csv.reader, and remembers the lines of the record in hand: behind a quote that is never closed, they are
    read again as records of their own.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = iter(lines)
        self._waiting: deque[tuple[int, str | None]] = deque()
        self._taken: list[tuple[int, str | None]] = []
        self._read_again = 0

    def __iter__(self) -> "_CsvLines":
        return self

    def __next__(self) -> str:
        numbered = self._waiting.popleft() if self._waiting else next(self._lines)
        self._taken.append(numbered)
        if numbered[1] is None:
            raise csv.Error(_too_long())
        return numbered[1]

    def header(self) -> tuple[list[str], str] | None:
        """Return the names of the columns and what stands between them, None for an empty file."""
        for line in self:
            if line.strip():
                break
        else:
            return None
        delimiter = max(",;\t", key=line.count)
        self._waiting.append(self._taken[-1])
        values = next((values for _, values in self.records(delimiter) if values), [])
        return [_column(name) for name in values] if not isinstance(values, str) else [], delimiter

    def records(self, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
        """Yield each record with the number of its first line: its fields, or what is wrong with it."""
        reader = csv.reader(self, delimiter=delimiter, strict=True)
        while True:
            self._taken.clear()
            try:
                values: list[str] | str = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                values = self._broken(error)
            yield self._taken[0][0], values

    def _broken(self, error: csv.Error) -> str:
        again = self._taken[1:]
        self._read_again += sum(len(line or "") for _, line in again)
        if again and self._read_again <= READ_AGAIN:
            self._waiting.extendleft(reversed(again))
            again = []
        if len(self._taken) == 1:
            return f"{error}; put fields that hold commas or quotes in double quotes, and double the quotes in them"
        upto = f" (lines up to {again[-1][0]} are lost in it)" if again else ""
        return f"{error}{upto}; close the quote, and double quotes within a field"


def _too_long() -> str:
    return f"the line is longer than {LONGEST_LINE} bytes; is the file a list?"


def _column(name: str) -> str:
    return name.strip().lower()


def _is_plain(kind: Any) -> bool:
    """Return whether values of this Arrow type can be a path, a number or metadata: texts, numbers and booleans."""
    from pyarrow import types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    kinds = (types.is_string, types.is_large_string, types.is_boolean, types.is_integer, types.is_floating)
    return any(is_kind(kind) for is_kind in (*kinds, types.is_decimal))


def _json_row(number: int, line: str) -> ListRow:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        return ListRow(number, problem=f"no JSON ({_first_line(error)}); write one object per line")
    if not isinstance(found, dict):
        return ListRow(number, problem='no JSON object; write {"path": …} with optional start_s, end_s and id')
    return _row(number, [_column(name) for name in found], list(found.values()))


def _row(number: int, names: list[str], values: Any) -> ListRow:
    if len(values) > len(names) and any(values[len(names) :]):
        return ListRow(
            number, problem=f"has {len(values)} fields for {len(names)} columns; put paths with commas in quotes"
        )
    fields: dict[str, Any] = {}
    for name, value in zip(names, values, strict=False):  # a short row lacks its last fields
        fields.setdefault(name, value)
    try:
        path = _path(_first(fields, PATHS))
        id_ = _id(_first(fields, IDS))
        start_s, end_s = _seconds(_first(fields, STARTS), "start_s"), _seconds(_first(fields, ENDS), "end_s")
        if end_s is not None and end_s <= (start_s or 0):
            raise BadRow(f"end_s {end_s:g} is not after start_s {start_s or 0:g}; give start_s < end_s in seconds")
    except BadRow as error:
        return ListRow(number, problem=str(error))
    return ListRow(number, path, id_, start_s, end_s, fields)


def _first(fields: dict[str, Any], names: tuple[str, ...]) -> Any:
    """Take the first of these fields that holds something out of a row."""
    for name in names:
        if fields.get(name) not in (None, ""):
            return fields.pop(name)
    return None


def _path(value: Any) -> str:
    if value is None or (isinstance(value, str) and not value.strip()):
        raise BadRow(f"has no path; fill the column {' or '.join(PATHS)}")
    if not isinstance(value, str):
        raise BadRow(f"its path is no text but {type(value).__name__}; write the path of a file")
    return value.strip()


def _id(value: Any) -> str | None:
    if value is None:
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, str | int)
        or (isinstance(value, int) and abs(value) >= 1 << 63)
    ):
        raise BadRow(f"its id is no text but {type(value).__name__}; write a text or a whole number")
    return str(value).strip() or None


def _seconds(value: Any, name: str) -> float | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if not math.isfinite(seconds):
        raise BadRow(f"{name} is {str(value)[:50]!r}, not a number; {NUMBER}")
    if seconds < 0:
        raise BadRow(f"{name} is {seconds:g}, before the start of the video; give 0 or more")
    return seconds


def _first_line(error: BaseException) -> str:
    return redacted(str(error).partition("\n")[0])[:300] or type(error).__name__
