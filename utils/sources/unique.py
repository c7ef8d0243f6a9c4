"""Refusing two videos with one output name, before any work, for lists of any length, without keeping the lists."""

from array import array
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from utils.errors import UserError
from utils.sources.base import Mention, same_video
from utils.sources.name_template import PER_VIDEO, NameTemplate
from utils.storage.hash_index import HashIndex
from utils.storage.urls import redacted


@dataclass(frozen=True)
class Repeats:
    """Which mentions of all lists, by their number, repeat an earlier one.

    is_first: bool [n], False where the video was mentioned before.
    aliases: the earlier mention, where a later one gives the same video another path or id.
    """

    is_first: np.ndarray
    aliases: dict[int, Mention]

    @property
    def n_videos(self) -> int:
        """The number of different videos."""
        return int(self.is_first.sum())


def find_repeats(
    mentions: Callable[[], Iterable[Mention]],
    reserved: Collection[str] = (),
    template: NameTemplate = PER_VIDEO,
    same: Callable[[str], str] = str,
) -> Repeats:
    """Return which mentions repeat an earlier one.

    Of each mention only three 64-bit hashes are kept (24 bytes); mentions whose hashes collide are read again and
    compared. Python's hashes have a new key in each process, so that no list can be made to collide.

    reserved: output folders that belong to another source, as `same` gives them. template: of the names of outputs.
    same: gives equal texts for names that the file system of the outputs takes for one.

    Raises:
        UserError: two different videos would write the same outputs, or have one id.
    """
    name_of = partial(_name, template=template, same=same)
    names, contents, ids = array("q"), array("q"), array("q")
    for mention in mentions():
        folder, slash, _ = mention.name.partition("/")
        if slash and same(folder) in reserved:
            raise UserError(
                f"{_label(mention)} and a clip of the shard {folder} would both write outputs called {mention.name!r}: "
                "use separate runs"
            )
        names.append(hash(name_of(mention)))
        contents.append(
            hash((mention.id, mention.path, mention.fallback, mention.start_s, mention.end_s, mention.refused))
        )
        ids.append(hash(mention.id))
    name, content, id_ = (np.frombuffer(hashes, np.int64) for hashes in (names, contents, ids))
    leader = _leaders(name)
    is_first = leader == np.arange(len(name))
    differing = content[leader] != content
    id_leader = _leaders(id_)
    doubtful = np.flatnonzero(differing | (name[id_leader] != name))
    if not len(doubtful):
        return Repeats(is_first, {})
    wanted = {*doubtful.tolist(), *leader[doubtful].tolist(), *id_leader[doubtful].tolist()}
    return _compared(mentions(), wanted, is_first, name_of, partial(_clash, template=template, same=same))


def _leaders(hashes: np.ndarray) -> np.ndarray:
    """Return for each hash the position of the first equal one."""
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    starts = np.concatenate([[True], ordered[1:] != ordered[:-1]]) if len(ordered) else np.zeros(0, bool)
    leaders = np.empty(len(hashes), np.int64)
    leaders[order] = order[np.flatnonzero(starts)[np.cumsum(starts) - 1]] if len(ordered) else 0
    return leaders


def _compared(
    mentions: Iterable[Mention],
    wanted: set[int],
    is_first: np.ndarray,
    name_of: Callable[[Mention], str],
    clash: Callable[[Mention, Mention], str],
) -> Repeats:
    """Compare the mentions of these numbers, whose hashes collide; update `is_first`."""
    aliases: dict[int, Mention] = {}
    by_name: dict[str, Mention] = {}
    by_id: dict[str, Mention] = {}
    for number, mention in enumerate(mentions):
        if number not in wanted:
            continue
        name = name_of(mention)
        first = by_name.setdefault(name, mention)
        if not same_video(first, mention):
            raise UserError(clash(first, mention))
        same_id = by_id.setdefault(mention.id, mention)
        if name_of(same_id) != name:
            raise UserError(
                f"{redacted(same_id.path)} and {redacted(mention.path)} both have the id {mention.id!r}: "
                "give one of them another id"
            )
        is_first[number] = first is mention
        if first is not mention:
            aliases[number] = first
    return Repeats(is_first, aliases)


def _name(mention: Mention, template: NameTemplate, same: Callable[[str], str] = str) -> str:
    """Return what outputs are called; what is refused has none, and stays apart by its own name."""
    return same(mention.name if mention.refused else template.name(mention))


def _clash(first: Mention, second: Mention, template: NameTemplate, same: Callable[[str], str]) -> str:
    names = dict.fromkeys(_name(mention, template) for mention in (first, second))
    clash = f"{_label(first)} and {_label(second)} would both write outputs called {' or '.join(map(repr, names))}"
    if len(names) > 1:
        clash += ", which the file system of the output folder takes for one name"
    if same(first.name) != same(second.name):
        return f"{clash}: give a --name_template with {{relative}}"
    if first.has_id or second.has_id:
        return f"{clash}: give each row a different id, or leave the id out"
    return f"{clash}: give --video_root so that outputs keep its subfolders, or rename one of the files"


def _label(mention: Mention) -> str:
    if mention.start_s is None and mention.end_s is None:
        return redacted(mention.path)
    end = "its end" if mention.end_s is None else mention.end_s
    return f"{redacted(mention.path)} ({mention.start_s or 0:g} to {end} s)"


class Seen:
    """Which texts were seen before, by their hashes alone: about 16 bytes each.

    Two texts with one hash count as one: once in 10^5 data sets of ten million.
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
