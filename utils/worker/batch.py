"""Windows of many videos → full batches, each row knowing its video and place."""

from collections import Counter
from typing import Generic, TypeVar

import torch

from utils.extractors.base import Batch
from utils.worker.window_builder import WindowInput

Owner = TypeVar("Owner")
Signature = tuple[tuple[str, torch.Size, torch.dtype], ...]
AGAIN = 100  # batches after which a size that did not fit is tried again: another program may have left the device
Packed = list[tuple[Owner, WindowInput]]  # the rows of a batch: for each the video it belongs to, and its window


class Packer(Generic[Owner]):
    """Collects windows until a batch is full. Windows of different shapes never share a batch.

    fills: a batch that does not become full is filled with surplus rows, so that all have one shape.
    """

    def __init__(self, batch_size: int, fills: bool = False) -> None:
        self._batch_size, self._fills = batch_size, fills
        self._fitting: dict[Signature, int] = {}  # where it is less than that
        self._n_fitted: Counter[Signature] = Counter()  # batches of that many, since
        self._waiting: dict[Signature, Packed[Owner]] = {}

    def capacity(self, window: WindowInput) -> int:
        """Return how many windows of the shape of this one make a batch."""
        return self._fitting.get(_signature(window), self._batch_size)

    def size(self, rows: Packed[Owner]) -> int:
        """Return the rows of the batch that these become, surplus rows included."""
        return max(len(rows), self.capacity(rows[0][1])) if self._fills else len(rows)

    def lower(self, window: WindowInput, most: int) -> None:
        """Remember that no more than `most` windows of the shape of this one fit in memory."""
        self._fitting[_signature(window)] = min(most, self.capacity(window))
        self._n_fitted[_signature(window)] = 0

    def fitted(self, window: WindowInput) -> None:
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

    def add(self, owner: Owner, window: WindowInput) -> list[Packed[Owner]]:
        """Take a window; return the batch that became full, or several where fewer fit than when they came."""
        signature = _signature(window)
        rows = self._waiting.setdefault(signature, [])
        rows.append((owner, window))
        if len(rows) < self._fitting.get(signature, self._batch_size):
            return []
        return self._in_batches(self._waiting.pop(signature))

    def flush(self) -> list[Packed[Owner]]:
        """Return what waits, in batches that are not full."""
        waiting, self._waiting = self._waiting, {}
        return [batch for rows in waiting.values() for batch in self._in_batches(rows)]

    def _in_batches(self, rows: Packed[Owner]) -> list[Packed[Owner]]:
        most = self.capacity(rows[0][1])
        return [rows[start : start + most] for start in range(0, len(rows), most)]


def _signature(window: WindowInput) -> Signature:
    return tuple((name, value.shape, value.dtype) for name, value in window.inputs.items())


def stacked(windows: list[WindowInput], n_rows: int) -> Batch:
    """Return the inputs of windows of one shape as a batch, [n_rows, ...]; the last one fills what is left."""
    rows = [*windows, *windows[-1:] * (n_rows - len(windows))]
    return {name: torch.stack([window.inputs[name] for window in rows]) for name in rows[0].inputs}
