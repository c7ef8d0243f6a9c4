"""Work between neighbouring frames, such as flow: done once per pair."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor

from utils.errors import VideoError
from utils.extractors.pairs import PairStage
from utils.nn.flow import Encoded
from utils.nn.out_of_memory import advice, run_if_it_fits
from utils.worker.frame_store import FrameStore


@dataclass(frozen=True)
class PairLimits:
    """What the memory of a device taught about batches of pairs, shared by all videos.

    free: frees what else is on the device, before the pairs are retried in halves, or a window once more.
    learned: called with the frames' size (H, W) and how many pairs of them fit.
    """

    free: Callable[[], None] = lambda: None
    learned: Callable[[tuple[int, int], int], None] = lambda size, most: None
    most: dict[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])  # by the frames' size

    def at_once(self, stage: PairStage, size: tuple[int, int]) -> int:
        """Return how many pairs of frames of this (H, W) to compute at once."""
        wanted = stage.pairs_at_once(size)
        return min(wanted, self.most.get(size, wanted))

    def lower(self, size: tuple[int, int], most: int) -> None:
        """Remember that only so many pairs fit."""
        self.most[size] = min(most, self.most.get(size, most))


class PairCache:
    """Rows of a PairStage by pair of frames: computed on first use, each frame encoded once."""

    def __init__(self, stage: PairStage, store: FrameStore, limits: PairLimits) -> None:
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
        """Drop the pairs that no window from `index` on can hold."""
        self._rows = {pair: row for pair, row in self._rows.items() if min(pair) >= index}

    def _compute_in_parts(self, chain: list[int], size: tuple[int, int]) -> None:
        """Compute the pairs in `chain`, in smaller and smaller halves where they do not fit in memory.

        Raises:
            VideoError: one pair does not fit.
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
                if n_surplus := self._n_surplus(n_pairs, size):  # perhaps it fits without
                    self._limits.lower(size, max(n_pairs, (n_pairs + n_surplus) // 2))
                    parts.append(part)
                    continue
                if n_pairs == 1:
                    device = self._store.take(part[:1]).device
                    raise VideoError(f"one pair of {size[1]}x{size[0]} frames does not fit in memory; {advice(device)}")
                self._limits.lower(size, n_pairs - half)
            parts += [part[half:], part[: half + 1]]  # the earlier half is taken first, and ends where the other begins
        if (now := self._limits.at_once(self._stage, size)) < before:
            self._limits.learned(size, now)

    def _fits(self, chain: list[int]) -> bool:
        if run_if_it_fits(lambda: self._compute(chain)):
            return True
        self._limits.free()
        return len(chain) == 2 and bool(run_if_it_fits(lambda: self._compute(chain)))

    def _compute(self, chain: list[int]) -> bool:
        """Compute the pairs of neighbours in `chain`, a list of frame indices; True, since it fitted."""
        known = self._last if self._last is not None and self._last[0] == chain[0] else None
        frames = self._store.take(chain[1:] if known else chain)
        size = (frames.shape[1], frames.shape[2])
        encoded = tuple(part[: len(frames)] for part in self._stage.encode(self._filled(frames, size)))
        if known:
            encoded = tuple(torch.cat([old, new]) for old, new in zip(known[1], encoded, strict=True))
        first, second = (
            tuple(self._filled(part[rows], size) for part in encoded) for rows in (slice(-1), slice(1, None))
        )
        rows = self._stage.between(first, second, size)[: len(chain) - 1]
        self._last = (chain[-1], tuple(part[-1:].clone() for part in encoded))  # a view would keep all
        for i, row in enumerate(rows):
            self._rows[chain[i], chain[i + 1]] = row
        return True

    def _filled(self, rows: Tensor, size: tuple[int, int]) -> Tensor:
        """Return rows with the last one repeated up to a multiple, so that batches have few shapes, if that fits."""
        n_surplus = self._n_surplus(len(rows), size)
        return torch.cat([rows, rows[-1:].expand(n_surplus, *rows.shape[1:])]) if n_surplus else rows

    def _n_surplus(self, n_rows: int, size: tuple[int, int]) -> int:
        n_surplus = -n_rows % self._stage.multiple
        return n_surplus if n_rows + n_surplus <= self._limits.at_once(self._stage, size) else 0


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
