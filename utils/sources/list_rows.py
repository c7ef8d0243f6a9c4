"""What one row of a list says: a video, its segment and id, or what is wrong with the row."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

PATHS = ("path", "video_path", "filename", "url")
STARTS = ("start_s", "start")
ENDS = ("end_s", "end")
IDS = ("id",)


class ListRow(NamedTuple):
    """One row.

    number: its line in the file, or its row in a Parquet file. meta: the other columns as they were read. problem: why
    the row cannot be used, and the remedy; None for a good one.
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


def column_name(text: str) -> str:
    """Return the name of a column as this module compares it."""
    return text.strip().lower()


def parse_row(number: int, names: Sequence[str], values: Sequence[Any]) -> ListRow:
    """Return the row with these values in the columns of these names; a short row lacks its last ones."""
    if len(values) > len(names) and any(values[len(names) :]):
        problem = f"has {len(values)} fields for {len(names)} columns; put paths with commas in double quotes"
        return ListRow(number, problem=problem)
    fields: dict[str, Any] = {}
    for name, value in zip(names, values, strict=False):
        fields.setdefault(name, value)
    try:
        path = _path(_take(fields, PATHS))
        id_ = _id(_take(fields, IDS))
        start_s, end_s = _seconds(_take(fields, STARTS), "start_s"), _seconds(_take(fields, ENDS), "end_s")
        if end_s is not None and end_s <= (start_s or 0):
            raise BadRow(f"end_s {end_s:g} is not after start_s {start_s or 0:g}; give start_s < end_s in seconds")
    except BadRow as error:
        return ListRow(number, problem=str(error))
    return ListRow(number, path, id_, start_s, end_s, fields)


def _take(fields: dict[str, Any], names: Sequence[str]) -> Any:
    """Remove the first of these fields that is not empty, and return its value; None if all are empty."""
    for name in names:
        if fields.get(name) not in (None, ""):
            return fields.pop(name)
    return None


def _path(value: Any) -> str:
    if value is None or (isinstance(value, str) and not value.strip()):
        raise BadRow(f"has no path; fill the column {' or '.join(PATHS)}")
    if not isinstance(value, str):
        raise BadRow(f"its path is not text but {type(value).__name__}; write the path of a file")
    return value.strip()


def _id(value: Any) -> str | None:
    if value is None:
        return None
    is_huge = isinstance(value, int) and abs(value) >= 1 << 63
    if isinstance(value, bool) or not isinstance(value, str | int) or is_huge:
        raise BadRow(f"its id is not text but {type(value).__name__}; write text or a 64-bit integer")
    return str(value).strip() or None


def _seconds(value: Any, name: str) -> float | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if not math.isfinite(seconds):
        remedy = "write seconds as a number such as 12.5, or leave the field empty"
        raise BadRow(f"{name} is {str(value)[:50]!r}, not a number; {remedy}")
    if seconds < 0:
        raise BadRow(f"{name} is {seconds:g}, before the start of the video; give 0 or more")
    return seconds
