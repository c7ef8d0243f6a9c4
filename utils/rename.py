"""Names of published checkpoints → names of the network, by a table of patterns."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

Value = TypeVar("Value")


def rename(state: Mapping[str, Value], table: Sequence[tuple[str, str]]) -> dict[str, Value]:
    """Return `state` under new names, in the same order.

    table: (pattern, replacement) as of re.sub; the first pattern that fits the beginning of a name counts. A name that
    none fits keeps itself, for a strict loader to complain about.
    """
    patterns = [(re.compile(pattern), replacement) for pattern, replacement in table]
    return {_renamed(name, patterns): value for name, value in state.items()}


def _renamed(name: str, patterns: Sequence[tuple[re.Pattern[str], str]]) -> str:
    for pattern, replacement in patterns:
        if match := pattern.match(name):
            return match.expand(replacement) + name[match.end() :]
    return name
