"""One video's frames in, its windows out, with the work between neighbours done once per pair."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from utils.errors import VideoError
from utils.extractor import Batch, Extractor, PairStage
from utils.flow import Encoded
from utils.memory import fitting, remedy
from utils.windows import Sampling, Window


@dataclass(frozen=True)
class Cut:
    """The network inputs of one window, and where it belongs: row in the video, times of its first and last frame."""

    row: int
    inputs: Batch
    start_s: float
    end_s: float
    n_repeated: int


class _Chunk(NamedTuple):
    start: int
    units: Tensor
    times_s: np.ndarray

    @property
    def stop(self) -> int:
        return self.start + len(self.units)


class Store:
    """The frames that a coming window may still need, by index; older ones are let go."""

    def __init__(self) -> None:
        self._chunks: deque[_Chunk] = deque()
        self.stop = 0  # one past the last index seen

    def append(self, units: Tensor, times_s: np.ndarray) -> None:
        """Add the next frames of the stream, [n, ...], with their times in seconds [n]."""
        self._chunks.append(_Chunk(self.stop, units, times_s))
        self.stop += len(units)

    def drop_before(self, index: int) -> None:
        """Let go of the chunks that end at or before `index`, but for the last, which may stand in for lost ones."""
        while len(self._chunks) > 1 and self._chunks[0].stop <= index:
            self._chunks.popleft()

    def take(self, indices: Sequence[int]) -> Tensor:
        """Return the frames at `indices`, in that order, [len(indices), ...]."""
        runs = [chunk.units[start:stop] for chunk, start, stop in self._runs(indices)]
        return runs[0] if len(runs) == 1 else torch.cat(runs)

    def time_s(self, index: int) -> float:
        """Return the time of the frame at `index`, in seconds."""
        chunk = self._chunk_of(index)
        return float(chunk.times_s[index - chunk.start])

    def _runs(self, indices: Sequence[int]) -> Iterator[tuple[_Chunk, int, int]]:
        """Yield (chunk, start, stop) for each stretch of neighbours that lies within one chunk."""
        for start, stop in _stretches(indices):
            while start < stop:
                chunk = self._chunk_of(start)
                end = min(stop, chunk.stop)
                yield chunk, start - chunk.start, end - chunk.start
                start = end

    def _chunk_of(self, index: int) -> _Chunk:
        return next(chunk for chunk in self._chunks if chunk.start <= index < chunk.stop)


def _latest(indices: Sequence[int]) -> int:
    return indices[-1] if isinstance(indices, range) else max(indices)


def _stretches(indices: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield half-open ranges of neighbours: [4, 5, 0, 1] gives (4, 6), (0, 2)."""
    if isinstance(indices, range) and indices.step == 1:  # a window of sound has thousands of samples
        yield indices.start, indices.stop
        return
    start = 0
    for i in range(1, len(indices) + 1):
        if i == len(indices) or indices[i] != indices[i - 1] + 1:
            yield indices[start], indices[i - 1] + 1
            start = i


@dataclass(frozen=True)
class PairLimits:
    """What the memory of a device taught about batches of pairs, shared by all videos.

    free: lets go of what else is on the device, before the pairs are tried again in halves.
    learned: called with the frames' size (H, W) and how many pairs of them fit.
    """

    free: Callable[[], None] = lambda: None
    learned: Callable[[tuple[int, int], int], None] = lambda size, most: None
    most: dict[tuple[int, int], int] = field(default_factory=dict)  # by the frames' size

    def at_once(self, stage: PairStage, size: tuple[int, int]) -> int:
        """Return how many pairs of frames of this (H, W) to compute at once."""
        wanted = stage.pairs_at_once(size)
        return min(wanted, self.most.get(size, wanted))

    def lower(self, size: tuple[int, int], most: int) -> None:
        """Remember that only so many pairs fit."""
        self.most[size] = min(most, self.most.get(size, most))


class PairCache:
    """Rows of a PairStage by pair of frames: computed on first use, each frame encoded once."""

    def __init__(self, stage: PairStage, store: Store, limits: PairLimits) -> None:
        self._stage = stage
        self._store = store
        self._limits = limits
        self._rows: dict[tuple[int, int], Tensor] = {}
        self._last: tuple[int, Encoded] | None = None  # the frame encoded last: the first of the next pair

    def take(self, indices: Sequence[int]) -> Tensor:
        """Return the rows between neighbours in `indices`, [len(indices) - 1, ...]."""
        self.compute([indices])
        return torch.stack([self._rows[pair] for pair in pairwise(indices)])

    def compute(self, windows: Iterable[Sequence[int]]) -> None:
        """Compute what is missing of the rows that `windows` need, in full batches also where each needs few."""
        wanted = dict.fromkeys(pair for indices in windows for pair in pairwise(indices))
        missing = [pair for pair in wanted if pair not in self._rows]
        if missing:
            height, width = self._store.take(missing[0][:1]).shape[1:3]
            for chain in _chains(missing, self._limits.at_once(self._stage, (height, width))):
                self._compute_in_parts(chain, (height, width))

    def drop_before(self, index: int) -> None:
        """Let go of pairs that no window from `index` on can hold."""
        self._rows = {pair: row for pair, row in self._rows.items() if min(pair) >= index}

    def _compute_in_parts(self, chain: list[int], size: tuple[int, int]) -> None:
        """Compute the pairs in `chain`, in halves of halves where memory does not suffice for more at once.

        Raises:
            VideoError: it does not suffice for one pair.
        """
        before = self._limits.at_once(self._stage, size)
        parts = [chain]
        while parts:
            part = parts.pop()
            n_pairs = len(part) - 1
            half = n_pairs // 2
            if n_pairs <= self._limits.at_once(self._stage, size):
                if self._fits(part):
                    continue
                if n_pairs == 1:
                    device = self._store.take(part[:1]).device
                    raise VideoError(f"one pair of {size[1]}x{size[0]} frames does not fit in memory; {remedy(device)}")
                self._limits.lower(size, n_pairs - half)
            parts += [part[half:], part[: half + 1]]  # the earlier half is taken first, and ends where the other begins
        if (now := self._limits.at_once(self._stage, size)) < before:
            self._limits.learned(size, now)

    def _fits(self, chain: list[int]) -> bool:
        if fitting(lambda: self._compute(chain)):
            return True
        self._limits.free()
        return len(chain) == 2 and bool(fitting(lambda: self._compute(chain)))

    def _compute(self, chain: list[int]) -> bool:
        """Compute the pairs of neighbours in `chain`, a list of frame indices; True, since it fitted."""
        known = self._last if self._last is not None and self._last[0] == chain[0] else None
        units = self._store.take(chain[1:] if known else chain)
        encoded = self._stage.encode(units)
        if known:
            encoded = tuple(torch.cat([old, new]) for old, new in zip(known[1], encoded, strict=True))
        rows = self._stage.between(
            tuple(part[:-1] for part in encoded),
            tuple(part[1:] for part in encoded),
            (units.shape[1], units.shape[2]),
        )
        self._last = (chain[-1], tuple(part[-1:] for part in encoded))
        for i, row in enumerate(rows):
            self._rows[chain[i], chain[i + 1]] = row
        return True


def _chains(pairs: list[tuple[int, int]], most: int) -> Iterator[list[int]]:
    """Join pairs that share a frame: (0, 1), (1, 2), (7, 0) gives [0, 1, 2] and [7, 0], `most` pairs at most."""
    chain: list[int] = []
    for first, second in pairs:
        if chain and chain[-1] == first and len(chain) <= most:
            chain.append(second)
        else:
            if chain:
                yield chain
            chain = [first, second]
    if chain:
        yield chain


class Cutter:
    """Cuts the windows of one stream as its frames arrive, holding no more frames than one window needs."""

    def __init__(self, extractor: Extractor, sampling: Sampling, limits: PairLimits | None = None) -> None:
        self._extractor = extractor
        self._sampling = sampling
        self._coming = self._sampling.full()
        self._next: Window | None = next(self._coming, None)
        self._ready: deque[Window] = deque()  # all their frames are there
        self._store = Store()
        self._pairs = PairCache(extractor.pairs, self._store, limits or PairLimits()) if extractor.pairs else None
        self.n_rows = 0

    @property
    def n_units(self) -> int:
        """How many frames or samples have arrived."""
        return self._store.stop

    def push(self, units: Tensor, times_s: np.ndarray) -> Iterator[Cut]:
        """Take the next prepared frames [n, ...] with their times in seconds, yield the windows they complete."""
        self._store.append(units, times_s)
        while self._next is not None and _latest(self._next.units) < self._store.stop:
            self._ready.append(self._next)
            self._next = next(self._coming, None)
        if self._pairs:
            self._pairs.compute(window.units for window in self._ready)
        while self._ready:
            yield self._cut(self._ready.popleft())
            self._let_go()
        self._let_go()

    def finish(self) -> Iterator[Cut]:
        """Yield the windows that the sampling makes of what is left at the end of the stream."""
        for window in self._sampling.rest(self._store.stop, self.n_rows):
            yield self._cut(window)

    def _let_go(self) -> None:
        more = self._ready or self._next is not None
        start = self._sampling.earliest(self.n_rows) if more else self._store.stop
        self._store.drop_before(start)
        if self._pairs:
            self._pairs.drop_before(start)

    def _cut(self, window: Window) -> Cut:
        units = self._store.take(window.units)
        pairs = self._pairs.take(window.units) if self._pairs else None
        self.n_rows += 1
        start_s, end_s = (self._store.time_s(index) for index in (window.units[0], _latest(window.units)))
        return Cut(window.row, self._extractor.window(units, pairs), start_s, end_s, window.n_repeated)
