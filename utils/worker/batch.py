"""Windows of many videos → full batches, each row knowing its video and place."""

from collections import Counter
from typing import Generic, TypeVar

import torch

from utils.extractors.base import Batch
from utils.worker.window_builder import Windows

Owner = TypeVar("Owner")
Signature = tuple[tuple[str, torch.Size, torch.dtype], ...]
MOST_SHAPES = 8  # of windows that wait for others of their shape
AGAIN = 100  # batches after which a size that did not fit is tried again: another program may have left the device
Packed = list[tuple[Owner, Windows]]  # the rows of a batch: the video that windows belong to, and the windows


class Packer(Generic[Owner]):
    """Collects windows until a batch is full. Windows of different shapes never share a batch.

    Windows of few shapes wait: where ever new ones come, those of the one that came least recently make a small batch.

    fills: a batch that does not become full is filled with surplus rows, so that all have one shape.
    """

    def __init__(self, batch_size: int, fills: bool = False) -> None:
        self._batch_size, self._fills = batch_size, fills
        self._fitting: dict[Signature, int] = {}  # where it is less than that
        self._n_fitted: Counter[Signature] = Counter()  # batches of that many, since
        self._waiting: dict[Signature, Packed[Owner]] = {}

    def capacity(self, window: Windows) -> int:
        """Return how many windows of the shape of these make a batch."""
        return self._fitting.get(_signature(window), self._batch_size)

    def size(self, rows: Packed[Owner]) -> int:
        """Return the rows of the batch that these become, surplus rows included."""
        return max(n_windows(rows), self.capacity(rows[0][1])) if self._fills else n_windows(rows)

    def lower(self, window: Windows, most: int) -> None:
        """Remember that no more than `most` windows of the shape of these fit in memory."""
        self._fitting[_signature(window)] = min(most, self.capacity(window))
        self._n_fitted[_signature(window)] = 0

    def fitted(self, window: Windows) -> None:
        """Count a batch that fits; after many, try twice as many windows."""
        signature = _signature(window)
        if signature not in self._fitting:
            return
        self._n_fitted[signature] += 1
        if self._n_fitted[signature] == AGAIN:
            self._n_fitted[signature] = 0
            self._fitting[signature] *= 2
            if self._fitting[signature] >= self._batch_size:
                del self._fitting[signature]

    def add(self, owner: Owner, windows: Windows) -> list[Packed[Owner]]:
        """Take windows; return the batches that became full, and the windows that wait no longer."""
        signature, most = _signature(windows), self.capacity(windows)
        rows = self._waiting.pop(signature, [])
        rows.append((owner, windows))
        n_full = n_windows(rows) // most * most
        full, rest = split(rows, n_full) if n_full else ([], rows)
        if rest:
            self._waiting[signature] = rest  # as the one that came last
        batches = self._in_batches(full)
        if len(self._waiting) > MOST_SHAPES:
            batches += self._in_batches(self._waiting.pop(next(iter(self._waiting))))
        return batches

    def flush(self) -> list[Packed[Owner]]:
        """Return what waits, in batches that are not full."""
        waiting, self._waiting = self._waiting, {}
        return [batch for rows in waiting.values() for batch in self._in_batches(rows)]

    def _in_batches(self, rows: Packed[Owner]) -> list[Packed[Owner]]:
        batches: list[Packed[Owner]] = []
        while rows:
            batch, rows = split(rows, self.capacity(rows[0][1]))
            batches.append(batch)
        return batches


def n_windows(rows: Packed[Owner]) -> int:
    """Return how many windows these are."""
    return sum(len(windows) for _, windows in rows)


def split(rows: Packed[Owner], n: int) -> tuple[Packed[Owner], Packed[Owner]]:
    """Return the first n windows, and the rest."""
    first: Packed[Owner] = []
    rest: Packed[Owner] = []
    for owner, windows in rows:
        if n > 0:
            first.append((owner, windows.part(0, n)))
        if n < len(windows):
            rest.append((owner, windows.part(max(n, 0), len(windows))))
        n -= len(windows)
    return first, rest


def _signature(windows: Windows) -> Signature:
    return tuple((name, value.shape[1:], value.dtype) for name, value in windows.inputs.items())


def stacked(blocks: list[Windows], n_rows: int) -> Batch:
    """Return the inputs of windows of one shape as a batch, [n_rows, ...]; the last one fills what is left."""
    surplus = n_rows - sum(map(len, blocks))
    last = len(blocks[-1])
    return {
        name: torch.cat([*(block.inputs[name] for block in blocks), *[value[last - 1 :]] * surplus])
        for name, value in blocks[-1].inputs.items()
    }
