"""The table entries of published checkpoints: where each file is and how it is checked."""

import string
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

SCHEMES = ("http", "https", "file")


@dataclass(frozen=True)
class Published:
    """A checkpoint file as its authors publish it.

    name is the published file name, which it keeps in the cache and in --weights_dir. licence and source (a
    page) say where it comes from. size is in bytes. sha256 holds all 64 hexadecimal digits, or the leading
    ones where only the file name carries them. git_blob is the SHA-1 that git gives to the content.
    """

    name: str
    url: str
    licence: str
    source: str
    size: int | None = None
    sha256: str | None = None
    git_blob: str | None = None

    def __post_init__(self) -> None:
        if not self.name or Path(self.name).name != self.name:
            raise ValueError(f"{self.name!r} is not a plain file name")
        if urlsplit(self.url).scheme not in SCHEMES:
            raise ValueError(f"{self.url}: weights come by {', '.join(SCHEMES)} only")
        for digits in (self.sha256, self.git_blob):
            if digits is not None and (not digits or set(digits) - set(string.hexdigits.lower())):
                raise ValueError(f"{self.name}: {digits!r} is no checksum in lower-case hexadecimal")


@dataclass(frozen=True)
class LibraryCheckpoint:
    """A checkpoint that the table of another library names, which is asked only when the file is needed.

    name: what the file is called in --weights_dir. source: a page. bring: returns the path of the file,
    downloaded if need be; raises UserError where that cannot be done.
    """

    name: str
    licence: str
    source: str
    bring: Callable[[], Path]


@dataclass(frozen=True)
class Needed:
    """One checkpoint that a configuration needs: the published file, and the user's own path if a flag gave one.

    can_be_random is False for constants that --weights random does not replace.
    """

    published: Published | LibraryCheckpoint
    named: str | None = None
    can_be_random: bool = True
