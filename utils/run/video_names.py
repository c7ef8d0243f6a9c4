"""Names of videos as packs of features have them: which words in them name something else, and which are the same."""

import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass

from utils.sinks.output import TIMES

KEYS = frozenset({"rgb", "flow", "features", "feature", "feats", "feat", "embeddings", "visual", "audio", *TIMES})
CROP = re.compile(r"__(\d{1,2})$")
MEDIA = re.compile(r"\.(mp4|mkv|avi|webm|mov|flv|m4v|wav|mp3|flac)$")


def key_at_end(keys: Set[str]) -> re.Pattern[str]:
    """Return what finds one of these words at the end of a name, such as the "rgb" of "clip_rgb"."""
    words = "|".join(sorted(map(re.escape, keys), key=len, reverse=True))
    return re.compile(rf"[_.-]({words})$", re.IGNORECASE)


@dataclass(frozen=True)
class Matched:
    """Which videos of two packs are the same: (name in A, name in B), and how many were found by each way to match."""

    pairs: Sequence[tuple[str, str]]
    ways: Mapping[str, int]
    only_a: Sequence[str]
    only_b: Sequence[str]


def match_names(a: Sequence[str], b: Sequence[str], types: Set[str]) -> Matched:
    """Match videos by name: whole, then without folders, then in lower case without suffixes and known words.

    Names that several videos share are left out. Two packs of one video each hold the same one.
    """
    pairs: list[tuple[str, str]] = []
    found: dict[str, int] = {}
    ways: list[tuple[str, Callable[[str], str]]] = [
        ("equal names", str),
        ("names without folders", lambda name: name.rpartition("/")[2]),
        ("names in lower case, without folders, v_, suffixes and words such as _rgb", _plain(KEYS | types)),
    ]
    if len(a) == len(b) == 1:
        ways.append(("one video in each", lambda name: ""))
    left_a, left_b = list(a), list(b)
    for way, shorten in ways:
        of_a, of_b = _unique(left_a, shorten), _unique(left_b, shorten)
        new = [(of_a[name], of_b[name]) for name in of_a.keys() & of_b.keys()]
        taken_a, taken_b = {pair[0] for pair in new}, {pair[1] for pair in new}
        left_a = [name for name in left_a if name not in taken_a]
        left_b = [name for name in left_b if name not in taken_b]
        pairs += new
        found |= {way: len(new)} if new else {}
    return Matched(sorted(pairs), found, left_a, left_b)


def _unique(names: Sequence[str], shorten: Callable[[str], str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(shorten(name), []).append(name)
    return {short: each[0] for short, each in found.items() if len(each) == 1}


def _plain(keys: Set[str]) -> Callable[[str], str]:
    of_keys = key_at_end(keys)

    def shorten(name: str) -> str:
        plain = MEDIA.sub("", name.rpartition("/")[2].lower())
        plain = CROP.sub("", plain)
        while (shorter := of_keys.sub("", plain)) not in (plain, ""):
            plain = shorter
        return plain.removeprefix("v_")

    return shorten
