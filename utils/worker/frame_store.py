"""The prepared frames that a coming window may still need."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class _Span(NamedTuple):
    start: int
    stop: int
    frames: Tensor
    times_s: np.ndarray


class FrameStore:
    """The frames that a coming window may still need, by index; older ones are dropped."""

    def __init__(self) -> None:
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
        """Return the frames at `indices`, in that order, [len(indices), ...]."""
        if isinstance(indices, range) and indices.step == 1:  # most windows, and all of single frames
            chunk = self._chunk_of(indices.start)
            if indices.stop <= chunk.stop:
                return chunk.frames[indices.start - chunk.start : indices.stop - chunk.start]
        runs = [chunk.frames[start:stop] for chunk, start, stop in self._runs(indices)]
        return runs[0] if len(runs) == 1 else torch.cat(runs)

    def time_s(self, index: int) -> float:
        """Return the time of the frame at `index`, in seconds."""
        chunk = self._chunk_of(index)
        return float(chunk.times_s[index - chunk.start])

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
