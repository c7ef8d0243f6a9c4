"""What every kind of source offers, and the light form in which lists are read before any work."""

from collections.abc import Callable, Iterator, Mapping
from os.path import exists
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from utils.sources.names import plain
from utils.sources.ref import VideoRef
from utils.storage.urls import is_url


class Mention(NamedTuple):
    """One mention of a video in a list, read without looking at the file.

    path: the file; other: where to look for it if there is none at `path`, "" for nowhere. The rest as in VideoRef.
    meta: what a list says besides, as it was read.
    named: whether the name comes from an id that the list gives, and not from the path.
    """

    id: str
    name: str
    path: str
    other: str = ""
    start_s: float | None = None
    end_s: float | None = None
    named: bool = False
    meta: Mapping[str, Any] = {}
    refused: tuple[str, str] | None = None


class ListedSource(Protocol):
    """A source whose names are known without opening anything: compared with each other before any work.

    roots: local folders that must stay there while the run lasts.
    """

    roots: tuple[Path, ...]

    def entries(self) -> Iterator[Mention]:
        """Yield every mention in order, the same ones each time it is called.

        Raises:
            UserError: the list as a whole cannot be used.
        """
        ...


class StreamedSource(Protocol):
    """A source that is read while the run goes on, and that gives no name twice."""

    roots: tuple[Path, ...]

    def refs(self, shard_done: Callable[[str], bool]) -> Iterator[VideoRef]:
        """Yield the videos that are left to do, in order; what cannot be read is a refused one.

        shard_done: says of the path of a tar whether all of it is done.
        """
        ...

    def listed(self) -> Iterator[VideoRef]:
        """Yield all videos in the same order, also those that are done; without the data that some hold."""
        ...


def resolved(entry: Mention) -> str:
    """Return where the file of an entry lies, by looking for it where there is a choice."""
    if entry.other and not exists(entry.path) and exists(entry.other):  # noqa: PTH110 - a million times
        return entry.other
    return entry.path


def to_ref(entry: Mention) -> VideoRef:
    """Return an entry as the runs know it."""
    return VideoRef(
        entry.id,
        entry.name,
        resolved(entry),
        entry.start_s,
        entry.end_s,
        meta={key: plain(value) for key, value in entry.meta.items() if value is not None and value != ""},
        refused=entry.refused,
    )


def same_video(first: Mention, second: Mention) -> bool:
    """Return whether two entries are the same part of the same file."""
    if (first.start_s, first.end_s) != (second.start_s, second.end_s) or first.refused != second.refused:
        return False
    one, other = resolved(first), resolved(second)
    return one == other or (not is_url(one) and not is_url(other) and Path(one).absolute() == Path(other).absolute())
