"""What every kind of source offers, and the light form in which lists are compared before any work."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from os.path import dirname, exists
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from utils.media.frame_folder import is_pattern
from utils.sources.names import as_json
from utils.sources.ref import MediaKind, Refusal, VideoRef
from utils.storage.urls import is_url


class Mention(NamedTuple):
    """One mention of a video in a list, read without looking at the file.

    path: the file. fallback: where the file is if it is not at `path`; "" for nowhere else.
    has_id: whether the list gives an id, which the name comes from in place of the path.
    meta: other columns of the list, as they were read.
    The other fields are as in VideoRef.
    """

    id: str
    name: str
    path: str
    fallback: str = ""
    start_s: float | None = None
    end_s: float | None = None
    has_id: bool = False
    meta: Mapping[str, Any] = {}
    refused: Refusal | None = None
    media_kind: MediaKind = "all"


class ListedSource(Protocol):
    """A source whose names are known without opening any video, so that they are compared before any work.

    roots: local folders that must stay available while the run lasts.
    """

    roots: tuple[Path, ...]

    @property
    def read_well(self) -> Iterable[str]:
        """The ids under which problems of folders and of a list's lines are recorded, of those without problems."""
        ...

    def mentions(self) -> Iterator[Mention]:
        """Yield every mention in order, the same ones at each call.

        Raises:
            UserError: the list as a whole cannot be used.
        """
        ...


class StreamedSource(Protocol):
    """A source that is read during the run, and that never repeats a name.

    read_well: ids under which problems of a tar or data set as a whole are recorded, of those without such problems.
    """

    roots: tuple[Path, ...]
    read_well: list[str]

    def refs(self, shard_done: Callable[[str], bool]) -> Iterator[VideoRef]:
        """Yield the videos that are left to do, in order; what cannot be read is a refused one.

        shard_done: returns whether all clips of the tar at a path are done.
        """
        ...

    def listed(self) -> Iterator[VideoRef]:
        """Yield all videos in the same order, including those that are done; none has data in memory."""
        ...


def is_there(path: str) -> bool:
    """Return whether a file exists, or of a pattern such as "frames/%06d.jpg" its folder."""
    return exists(path) or (is_pattern(path) and exists(dirname(path) or "."))  # noqa: PTH110, PTH120 - a million times


def existing_path(mention: Mention) -> str:
    """Return the path of the file, which is looked for only if there is a fallback."""
    if mention.fallback and not is_there(mention.path) and is_there(mention.fallback):
        return mention.fallback
    return mention.path


def to_ref(mention: Mention) -> VideoRef:
    """Return the video that is mentioned."""
    return VideoRef(
        mention.id,
        mention.name,
        existing_path(mention),
        mention.start_s,
        mention.end_s,
        meta={key: as_json(value) for key, value in mention.meta.items() if value is not None and value != ""},
        refused=mention.refused,
        media_kind=mention.media_kind,
        has_id=mention.has_id,
    )


def same_video(first: Mention, second: Mention) -> bool:
    """Return whether two mentions are of the same segment of the same file."""
    if (first.start_s, first.end_s) != (second.start_s, second.end_s) or first.refused != second.refused:
        return False
    one, other = existing_path(first), existing_path(second)
    return one == other or (not is_url(one) and not is_url(other) and Path(one).absolute() == Path(other).absolute())
