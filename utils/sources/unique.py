"""No two videos with one output name: found before any work, for lists of any length, without keeping them."""

from array import array
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

import numpy as np

from utils.errors import UserError
from utils.sources.base import Mention, same_video
from utils.storage.hash_index import HashIndex
from utils.storage.urls import redacted


@dataclass(frozen=True)
class Mentions:
    """The mentions of all lists together, by their number.

    is_first: bool [n], False where the video was mentioned before. aliases: the entry that was mentioned before, where
    the later mention calls the video differently.
    """

    is_first: np.ndarray
    aliases: dict[int, Mention]

    @property
    def n_videos(self) -> int:
        """How many different videos there are."""
        return int(self.is_first.sum())


def compare(entries: Callable[[], Iterable[Mention]], reserved: Collection[str] = ()) -> Mentions:
    """Return which mentions are of a new video.

    Only 64-bit hashes are kept of each mention (24 bytes); those whose hashes collide are read once more and compared.
    Python draws the key of its hashes anew for each process, so that no list can be made to collide.

    reserved: folders of outputs that belong to another source.

    Raises:
        UserError: two different videos would write the same outputs, or have one id.
    """
    names, contents, ids = array("q"), array("q"), array("q")
    for entry in entries():
        folder, slash, _ = entry.name.partition("/")
        if slash and folder in reserved:
            raise UserError(
                f"{_shown(entry)} and a clip of the shard {folder} would both write outputs called {entry.name!r}: "
                "use one run for each"
            )
        names.append(hash(entry.name))
        contents.append(hash((entry.id, entry.path, entry.other, entry.start_s, entry.end_s, entry.refused)))
        ids.append(hash(entry.id))
    name, content, id_ = (np.frombuffer(hashes, np.int64) for hashes in (names, contents, ids))
    leader = _leaders(name)
    is_first = leader == np.arange(len(name))
    differing = content[leader] != content
    id_leader = _leaders(id_)
    doubtful = np.flatnonzero(differing | (name[id_leader] != name))
    if not len(doubtful):
        return Mentions(is_first, {})
    wanted = {*doubtful.tolist(), *leader[doubtful].tolist(), *id_leader[doubtful].tolist()}
    return _compared(entries(), wanted, is_first)


def _leaders(hashes: np.ndarray) -> np.ndarray:
    """Return for each hash the position of the first one that is equal."""
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    starts = np.concatenate([[True], ordered[1:] != ordered[:-1]]) if len(ordered) else np.zeros(0, bool)
    leaders = np.empty(len(hashes), np.int64)
    leaders[order] = order[np.flatnonzero(starts)[np.cumsum(starts) - 1]] if len(ordered) else 0
    return leaders


def _compared(entries: Iterable[Mention], wanted: set[int], is_first: np.ndarray) -> Mentions:
    """Compare the entries whose hashes collide themselves."""
    aliases: dict[int, Mention] = {}
    by_name: dict[str, Mention] = {}
    by_id: dict[str, Mention] = {}
    for number, entry in enumerate(entries):
        if number not in wanted:
            continue
        first = by_name.setdefault(entry.name, entry)
        if not same_video(first, entry):
            raise UserError(_clash(first, entry))
        same_id = by_id.setdefault(entry.id, entry)
        if same_id.name != entry.name:
            raise UserError(
                f"{redacted(same_id.path)} and {redacted(entry.path)} both have the id {entry.id!r}: "
                "give one of them another id"
            )
        is_first[number] = first is entry
        if first is not entry:
            aliases[number] = first
    return Mentions(is_first, aliases)


def _clash(first: Mention, second: Mention) -> str:
    clash = f"{_shown(first)} and {_shown(second)} would both write outputs called {first.name!r}"
    if first.named or second.named:
        return f"{clash}: give each row an id of its own, or leave the id out"
    return f"{clash}: give --video_root so that outputs keep the folders below it, or rename one of the files"


def _shown(entry: Mention) -> str:
    if entry.start_s is None and entry.end_s is None:
        return redacted(entry.path)
    return f"{redacted(entry.path)} ({entry.start_s or 0:g} to {'its end' if entry.end_s is None else entry.end_s} s)"


class Seen:
    """Which texts were met before, by their hashes alone: about 16 bytes each.

    Two texts of one hash are taken for one: once in 10^5 data sets of ten million.
    """

    def __init__(self) -> None:
        self._hashes = HashIndex()

    def add(self, text: str) -> bool:
        """Return whether the text is new, and remember it."""
        value = hash(text)
        if self._hashes.get(value) is not None:
            return False
        self._hashes.put(value, 0)
        return True
