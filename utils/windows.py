"""Which frames (or samples) make one feature: integers only, no pixels and no files. Ranges are half-open."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

TAIL_SHARE = 0.2  # the least share of a window that `--tail cycle` fills up


@dataclass(frozen=True)
class Window:
    """The units that the network sees at once, by their index in the stream; some may be shown again."""

    units: Sequence[int]
    n_repeated: int = 0  # how many of them are repetitions that fill the window


class Sampling(Protocol):
    """Which windows a model wants of one stream whose length is known only at its end."""

    def full(self) -> Iterator[Window]:
        """Yield windows in the order of their last unit; those that the stream is long enough for are used."""
        ...

    def rest(self, n_units: int, n_full: int) -> list[Window]:
        """Return the windows made of what is left after `n_full` full ones, once `n_units` are known."""
        ...


@dataclass(frozen=True)
class Dense:
    """Windows of `size` units that start at 0, step, 2 * step, …

    short: what becomes of a stream shorter than one window: "cycle" repeats it until the window is full.
    tail: what becomes of the units after the last full window: "cycle" repeats them if they are at
        least a fifth of a window, "drop" leaves them out.
    """

    size: int
    step: int
    short: str = "drop"
    tail: str = "drop"

    def full(self) -> Iterator[Window]:
        """Yield range(0, size), range(step, step + size), … without end."""
        for start in itertools.count(0, self.step):
            yield Window(range(start, start + self.size))

    def rest(self, n_units: int, n_full: int) -> list[Window]:
        """Return one window that repeats the short stream, or the tail, or nothing."""
        start = n_full * self.step
        left = n_units - start
        if n_full == 0:
            wanted = self.short == "cycle" and left > 0
        else:
            wanted = self.tail == "cycle" and left >= math.ceil(TAIL_SHARE * self.size)
        if not wanted:
            return []
        return [Window([start + i % left for i in range(self.size)], n_repeated=self.size - left)]


def window_starts(n_units: int, size: int, step: int) -> range:
    """Return the first unit of every full window: window_starts(10, size=4, step=3) is 0, 3, 6."""
    return range(0, n_units - size + 1, step)
