"""Entries of the tables of published checkpoints: where each file is, and how it is checked."""

import string
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

SCHEMES = ("http", "https", "file")


@dataclass(frozen=True)
class Published:
    """A checkpoint file as its authors publish it.

    name: the published file name, which it keeps in the cache and in --weights_dir.
    source: a page about it.
    size: in bytes. megabytes: about so many, for people; 0 where `size` says it.
    sha256: all 64 hexadecimal digits, or the leading ones where only the file name has them.
    git_blob: the SHA-1 that git gives to the content.
    """

    name: str
    url: str
    licence: str
    source: str
    size: int | None = None
    sha256: str | None = None
    git_blob: str | None = None
    megabytes: int = 0

    def __post_init__(self) -> None:
        if not self.name or Path(self.name).name != self.name:
            raise ValueError(f"{self.name!r} is not a plain file name")
        if urlsplit(self.url).scheme not in SCHEMES:
            raise ValueError(f"{self.url}: checkpoints are downloaded by {', '.join(SCHEMES)} only")
        for digits in (self.sha256, self.git_blob):
            if digits is not None and (not digits or set(digits) - set(string.hexdigits.lower())):
                raise ValueError(f"{self.name}: {digits!r} is not a checksum in lower-case hexadecimal")


@dataclass(frozen=True)
class LibraryCheckpoint:
    """A checkpoint in the table of another library, which is read only when the file is needed.

    name: of the file in --weights_dir.
    source: a page about it.
    fetch: returns the path of the file, downloaded if need be; raises UserError if that fails.
    """

    name: str
    licence: str
    source: str
    fetch: Callable[[], Path]


@dataclass(frozen=True)
class Needed:
    """One checkpoint that a configuration needs.

    path: of the user's own file, if a flag gave one in place of the published file.
    can_be_random: False for constants that --weights random does not replace.
    """

    published: Published | LibraryCheckpoint
    path: str | None = None
    can_be_random: bool = True
