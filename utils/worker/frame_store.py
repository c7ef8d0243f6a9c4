"""The prepared frames that a coming window may still need."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


class _Span(NamedTuple):
    start: int
    stop: int
    frames: Tensor
    times_s: np.ndarray


class FrameStore:
    """The frames that a coming window may still need, by index; older ones are dropped.

    period_s: between frames, where there are none any more.
    """

    def __init__(self, period_s: float = 0.0) -> None:
        self._period_s = period_s
        self._chunks: deque[_Span] = deque()
        self.stop = 0  # one past the last index seen

    def append(self, frames: Tensor, times_s: np.ndarray) -> None:
        """Add the next frames of the stream, [n, ...], with their times in seconds [n]."""
        start, self.stop = self.stop, self.stop + len(frames)
        self._chunks.append(_Span(start, self.stop, frames, times_s))

    def drop_before(self, index: int) -> None:
        """Drop the chunks that end at or before `index`, but for the last, which may stand in for lost ones."""
        while len(self._chunks) > 1 and self._chunks[0].stop <= index:
            self._chunks.popleft()

    def take(self, indices: Sequence[int]) -> Tensor:
        """Return the frames at `indices`, in that order, [len(indices), ...]; zeros for those that there are not."""
        if isinstance(indices, range) and indices.step == 1:  # most windows, and all of single frames
            if indices.start < 0 or indices.stop > self.stop:
                return self._padded(indices)
            chunk = self._chunk_of(indices.start)
            if indices.stop <= chunk.stop:
                return chunk.frames[indices.start - chunk.start : indices.stop - chunk.start]
        runs = [chunk.frames[start:stop] for chunk, start, stop in self._runs(indices)]
        return runs[0] if len(runs) == 1 else torch.cat(runs)

    def _padded(self, indices: range) -> Tensor:
        """Return the frames that are there, with zeros around them."""
        start, stop = max(indices.start, 0), min(indices.stop, self.stop)
        frames = self.take(range(start, stop))
        return F.pad(frames, (0, 0) * (frames.ndim - 1) + (start - indices.start, indices.stop - stop))

    def time_s(self, index: int) -> float:
        """Return the time of the frame at `index`, in seconds; before the first and after the last, by the period."""
        known = min(max(index, 0), self.stop - 1)
        chunk = self._chunk_of(known)
        return float(chunk.times_s[known - chunk.start]) + (index - known) * self._period_s

    def _runs(self, indices: Sequence[int]) -> Iterator[tuple[_Span, int, int]]:
        """Yield (chunk, start, stop) for each stretch of neighbours that lies within one chunk."""
        for start, stop in _stretches(indices):
            while start < stop:
                chunk = self._chunk_of(start)
                end = min(stop, chunk.stop)
                yield chunk, start - chunk.start, end - chunk.start
                start = end

    def _chunk_of(self, index: int) -> _Span:
        for chunk in self._chunks:
            if chunk.start <= index < chunk.stop:
                return chunk
        raise IndexError(f"frame {index} is not kept")


def latest(indices: Sequence[int]) -> int:
    """Return the largest index."""
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
