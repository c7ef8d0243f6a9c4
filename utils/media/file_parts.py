"""Looking at the parts of a file one after the other, and what can be the matter with them."""

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

BLANK_BYTES = 1 << 16  # looked at, at most
APE_MARK = b"APETAGEX"
TAGS = (b"TAG", APE_MARK, b"LYRICSBEGIN", b"ID3")  # of sound: ID3v1, APEv2, Lyrics3, ID3v2
APE_FOOTER, ID3V1_BYTES = 32, 128


class Finding(NamedTuple):
    """What is the matter with a file."""

    is_loss: bool  # something of it is lost
    problem: str  # a clause


class Suspicion(Finding):
    """A finding that loses nothing by itself; where the times of a stream have a hole, something of it is lost."""


Findings = Iterator[Finding]


def read_at(file: BinaryIO, offset: int, n: int) -> bytes:
    """Return n bytes from a place in the file on, fewer at its end."""
    file.seek(offset)
    return file.read(n)


def is_blank(file: BinaryIO, start: int, end: int) -> bool:
    """Return whether there is nothing but zeros between two places: padding, or bytes that were never written."""
    return not any(read_at(file, start, min(end - start, BLANK_BYTES)))


def is_tag(data: bytes) -> bool:
    """Return whether bytes beside frames of sound are tags. An APEv1 tag has no mark before it, but a footer."""
    if data.startswith(TAGS):
        return True
    before, mark, footer = data.rpartition(APE_MARK)
    size, after = int.from_bytes(footer[4:8], "little"), len(mark + footer) - APE_FOOTER
    return bool(mark) and size == len(before) + APE_FOOTER and after in (0, ID3V1_BYTES)


def early_end(what: str, missing: int) -> Finding:
    """Return that a part of the file is longer than the file."""
    return Finding(True, f"the file ends {missing} bytes before the end of its {what}")


def next_mark(file: BinaryIO, offset: int, mark: re.Pattern[bytes]) -> int | None:
    """Return where a mark of four bytes comes next after a place in the file."""
    file.seek(offset + 1)
    position, tail = offset + 1, b""
    while data := file.read(1 << 16):
        found = mark.search(tail + data)
        if found:
            return position - len(tail) + found.start()
        position, tail = position + len(data), data[-3:]
    return None
