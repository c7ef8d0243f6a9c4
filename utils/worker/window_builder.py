"""One video's frames in, its windows out, with the work between neighbours done once per pair."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from utils.extractors.base import AnyExtractor, Batch
from utils.extractors.windows import Sampling, Window
from utils.transforms.fast import resize_fast
from utils.transforms.floats import resize_floats
from utils.worker.frame_store import FrameStore, latest
from utils.worker.pair_cache import PairCache, PairLimits


@dataclass(frozen=True)
class WindowInput:
    """The network inputs of one window, and where it belongs: row in the video, times of its first and last frame."""

    row: int
    inputs: Batch
    start_s: float
    end_s: float
    n_repeated: int


class WindowBuilder:
    """Builds the windows of one stream as its frames arrive, keeping no more frames than one window needs."""

    def __init__(self, extractor: AnyExtractor, sampling: Sampling, limits: PairLimits | None = None) -> None:
        self._extractor = extractor
        self._sampling = sampling
        self._coming = self._sampling.full()
        self._next: Window | None = next(self._coming, None)
        self._ready: deque[Window] = deque()  # all their frames are there
        self._store = FrameStore()
        self._pairs = PairCache(extractor.pairs, self._store, limits or PairLimits()) if extractor.pairs else None
        self._shape: torch.Size | None = None  # of a prepared frame
        self.n_rows = 0
        self.n_stretched = 0  # frames

    @property
    def n_frames(self) -> int:
        """How many frames or samples have arrived."""
        return self._store.stop

    def push(self, frames: Tensor, times_s: np.ndarray) -> Iterator[WindowInput]:
        """Take the next prepared frames [n, ...] with their times in seconds, yield the windows they complete."""
        self._store.append(self._of_one_shape(frames), times_s)
        while self._next is not None and latest(self._next.indices) < self._store.stop:
            self._ready.append(self._next)
            self._next = next(self._coming, None)
        if self._pairs:
            self._pairs.compute(window.indices for window in self._ready)
        while self._ready:
            yield self._build(self._ready.popleft())
            self._drop_unneeded()
        self._drop_unneeded()

    def finish(self) -> Iterator[WindowInput]:
        """Yield the windows that the sampling makes of what is left at the end of the stream."""
        for window in self._sampling.rest(self._store.stop, self.n_rows):
            yield self._build(window)

    def _of_one_shape(self, frames: Tensor) -> Tensor:
        """Return prepared frames in the shape of the stream's first: windows and pairs hold frames of one shape.

        Others come where the size changes within a video, and `prepare` does not bring it to a fixed one.
        """
        shape = frames.shape[1:]
        if self._shape is None:
            self._shape = shape
        if shape == self._shape:
            return frames
        self.n_stretched += len(frames)
        if frames.is_floating_point():  # [n, 3, h, w]
            return resize_floats(frames, (self._shape[1], self._shape[2]))
        return resize_fast(frames, (self._shape[0], self._shape[1]))

    def _drop_unneeded(self) -> None:
        more = self._ready or self._next is not None
        start = self._sampling.earliest(self.n_rows) if more else self._store.stop
        self._store.drop_before(start)
        if self._pairs:
            self._pairs.drop_before(start)

    def _build(self, window: Window) -> WindowInput:
        frames = self._store.take(window.indices)
        pairs = self._pairs.take(window.indices) if self._pairs else None
        self.n_rows += 1
        start_s, end_s = (self._store.time_s(index) for index in (window.indices[0], latest(window.indices)))
        return WindowInput(window.row, self._extractor.window(frames, pairs), start_s, end_s, window.n_repeated)
