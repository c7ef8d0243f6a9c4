"""Which frames (or samples) make one feature: integers only, no pixels and no files. Ranges are half-open."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

TAIL_SHARE = 0.2  # the least share of a window that `--tail cycle` fills up


@dataclass(frozen=True)
class Window:
    """The frames or samples that the network sees at once.

    row: the window's place in the output.
    indices: of the frames among the wanted ones (see Sampling.wanted), in the order that the network sees them.
    n_repeated: how many of them are shown again to fill the window.
    """

    row: int
    indices: Sequence[int]
    n_repeated: int = 0


class Sampling(Protocol):
    """Which windows a model wants of one stream."""

    @property
    def wanted(self) -> Sequence[int] | None:
        """The only frames of the stream that are needed, sorted, or None for all. Windows count in these."""
        ...

    def full(self) -> Iterator[Window]:
        """Yield windows in the order of their latest frame; those that the stream is long enough for are used."""
        ...

    def earliest(self, n_full: int) -> int:
        """Return the earliest frame that any window after the first `n_full` ones, or the rest, may need."""
        ...

    def rest(self, n_frames: int, n_full: int) -> list[Window]:
        """Return the windows made of what is left after `n_full` full ones, once `n_frames` are known."""
        ...


@dataclass(frozen=True)
class Dense:
    """Windows of `size` frames that start at 0, step, 2 * step, …

    short: what becomes of a stream shorter than one window: "cycle" repeats it until the window is full.
    tail: what becomes of the frames after the last full window: "cycle" repeats them if they are at
        least a fifth of a window, "drop" leaves them out.
    """

    size: int
    step: int
    short: str = "drop"
    tail: str = "drop"
    wanted: None = None

    def full(self) -> Iterator[Window]:
        """Yield range(0, size), range(step, step + size), … without end."""
        for row in itertools.count():
            yield Window(row, range(row * self.step, row * self.step + self.size))

    def earliest(self, n_full: int) -> int:
        """Return the start of the next window."""
        return n_full * self.step

    def rest(self, n_frames: int, n_full: int) -> list[Window]:
        """Return one window that repeats the short stream, or the tail, or nothing."""
        start = n_full * self.step
        left = n_frames - start
        if n_full == 0:
            wanted = self.short == "cycle" and left > 0
        else:
            wanted = self.tail == "cycle" and left >= math.ceil(TAIL_SHARE * self.size)
        if not wanted:
            return []
        return [Window(n_full, [start + i % left for i in range(self.size)], n_repeated=self.size - left)]


class Listed:
    """Given windows of a stream whose frames were counted beforehand: clips spread over a video, for instance.

    clips: the frames of each window, in the order of the outputs. Only these frames are decoded.
    fill_lost: where fewer frames are decoded than counted (a damaged file), fill the windows that have none of
        theirs with the last frame; False leaves them out. A window that has lost some is filled in any case.
    """

    def __init__(self, clips: Sequence[Sequence[int]], fill_lost: bool = True) -> None:
        self._fill_lost = fill_lost
        self.wanted = sorted({frame for clip in clips for frame in clip})
        place = {frame: i for i, frame in enumerate(self.wanted)}
        windows = [
            Window(row, [place[frame] for frame in clip], n_repeated=len(clip) - len(set(clip)))
            for row, clip in enumerate(clips)
        ]
        self._windows = sorted(windows, key=lambda window: max(window.indices))
        firsts = (min(window.indices) for window in reversed(self._windows))
        self._earliest = list(itertools.accumulate(firsts, min))[::-1]  # of each window and those after it

    def full(self) -> Iterator[Window]:
        """Yield the windows, the one whose frames are there first coming first."""
        return iter(self._windows)

    def earliest(self, n_full: int) -> int:
        """Return the earliest frame of the windows still to come."""
        return self._earliest[n_full]

    def rest(self, n_frames: int, n_full: int) -> list[Window]:
        """Return the windows that a stream shorter than counted cuts off, filled with its last frame."""
        if n_frames == 0:
            return []
        return [
            Window(window.row, indices, n_repeated=len(indices) - len(set(indices)))
            for window in self._windows[n_full:]
            if self._fill_lost or min(window.indices) < n_frames
            for indices in [[min(index, n_frames - 1) for index in window.indices]]
        ]
