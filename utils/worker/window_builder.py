"""One video's frames in, its windows out, with the work between neighbours done once per pair."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from utils.extractors.base import Batch
from utils.extractors.pairs import PairStage
from utils.extractors.views import Views
from utils.extractors.windows import Dense, Sampling, Window
from utils.nn.out_of_memory import run_with_room
from utils.transforms.fast import resize_fast
from utils.transforms.floats import resize_floats
from utils.transforms.geometry import height_dim
from utils.worker.frame_store import FrameStore, latest
from utils.worker.pair_cache import PairCache, PairLimits


@dataclass(frozen=True)
class Windows:
    """Windows of one video that follow each other: mostly one, many where each is a single frame.

    row: of the first one in the video. inputs: of the network, [n, ...].
    start_s, end_s: times of the first and last frame of each, float64 [n]. n_repeated: frames that fill them.
    """

    row: int
    inputs: Batch
    start_s: np.ndarray
    end_s: np.ndarray
    n_repeated: int = 0

    def __len__(self) -> int:
        return len(self.start_s)

    def part(self, start: int, stop: int) -> "Windows":
        """Return those from `start` to before `stop`; the first part of several has the repeated frames."""
        if start == 0 and stop >= len(self):
            return self
        inputs = {name: value[start:stop] for name, value in self.inputs.items()}
        n_repeated = 0 if start else self.n_repeated
        return Windows(self.row + start, inputs, self.start_s[start:stop], self.end_s[start:stop], n_repeated)


class WindowMaker(Protocol):
    """What makes windows of frames: an extractor."""

    @property
    def pairs(self) -> PairStage | None:
        """Work between neighbours; None if there is none."""
        ...

    @property
    def views(self) -> Views | None:
        """The views of each frame to make windows of; None for whole frames."""
        ...

    def window(self, frames: Tensor, pairs: Tensor | None) -> Batch:
        """Return the network inputs of one window."""
        ...

    def windows_of_frames(self, frames: Tensor) -> Batch:
        """Return what `window` returns of each frame alone, [n, ...]."""
        ...


class WindowBuilder:
    """Builds the windows of one stream as its frames arrive, keeping no more frames than one window needs.

    What does not fit in memory is tried once more after `limits.free`; where that fails, too, the error goes on.

    period_s: between frames, for the times of windows that begin before the first or end after the last.
    """

    def __init__(
        self, extractor: WindowMaker, sampling: Sampling, limits: PairLimits | None = None, period_s: float = 0.0
    ) -> None:
        self._extractor = extractor
        self._sampling = sampling
        # one block for all windows of a chunk takes Python an eighth of the time
        self._takes_frames = isinstance(sampling, Dense) and sampling.size == sampling.step == 1
        self._coming = self._sampling.full()
        self._next: Window | None = None if self._takes_frames else next(self._coming, None)
        self._ready: deque[Window] = deque()  # all their frames are there
        self._store = FrameStore(period_s)
        limits = limits or PairLimits()
        self._free = limits.free
        self._pairs = PairCache(extractor.pairs, self._store, limits) if extractor.pairs else None
        self._shape: torch.Size | None = None  # of a prepared frame
        self.n_rows = 0
        self.n_stretched = 0  # frames

    @property
    def n_frames(self) -> int:
        """How many frames or samples have arrived."""
        return self._store.stop

    def push(self, frames: Tensor, times_s: np.ndarray) -> Iterator[Windows]:
        """Take the next prepared frames [n, ...] with their times in seconds, yield the windows they complete."""
        frames = self._of_one_shape(frames)
        self._store.append(frames, times_s)
        if self._takes_frames:
            inputs = run_with_room(lambda: self._inputs_of_frames(frames), self._free)
            row, self.n_rows = self.n_rows, self.n_rows + len(frames)
            yield Windows(row, inputs, times_s, times_s)
        while self._next is not None and latest(self._next.indices) + self._next.wait < self._store.stop:
            self._ready.append(self._next)
            self._next = next(self._coming, None)
        if self._pairs:
            self._pairs.compute(window.indices for window in self._ready)
        while self._ready:
            yield self._build(self._ready.popleft())
            self._drop_unneeded()
        self._drop_unneeded()

    def finish(self) -> Iterator[Windows]:
        """Yield the windows that the sampling makes of what is left at the end of the stream."""
        for window in self._sampling.rest(self._store.stop, self.n_rows):
            yield self._build(window)

    def _inputs(self, frames: Tensor, pairs: Tensor | None) -> Batch:
        """Return what `window` returns, or that of each view, [views, ...]."""
        made, views = self._extractor.window, self._extractor.views
        return made(frames, pairs) if views is None else views.of_each(made, frames, pairs)

    def _inputs_of_frames(self, frames: Tensor) -> Batch:
        """Return what `windows_of_frames` returns, or that of each view, [n, views, ...]."""
        made, views = self._extractor.windows_of_frames, self._extractor.views
        return made(frames) if views is None else views.of_each(lambda part, _pairs: made(part), frames, None, dim=1)

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
        wanted = self._shape
        return run_with_room(lambda: _stretched(frames, wanted), self._free)

    def _drop_unneeded(self) -> None:
        more = self._ready or self._next is not None
        start = self._sampling.earliest(self.n_rows, self._store.stop) if more else self._store.stop
        self._store.drop_before(start)
        if self._pairs:
            self._pairs.drop_before(start)

    def _build(self, window: Window) -> Windows:
        def made() -> Batch:
            frames = self._store.take(window.indices)
            pairs = self._pairs.take(window.indices) if self._pairs else None
            return {name: value[None] for name, value in self._inputs(frames, pairs).items()}

        inputs = run_with_room(made, self._free)
        self.n_rows += 1
        start_s, end_s = (
            np.array([self._store.time_s(index)]) for index in (window.indices[0], latest(window.indices))
        )
        return Windows(window.row, inputs, start_s, end_s, window.n_repeated)


def _stretched(frames: Tensor, shape: torch.Size) -> Tensor:
    """Return frames [n, H, W, 3] or [n, C, H, W] resized to the height and width in `shape`, that of another frame."""
    if height_dim(frames) == -3:
        return resize_fast(frames, (shape[0], shape[1]))
    size = (shape[1], shape[2])
    if frames.is_floating_point():
        return resize_floats(frames, size)
    return resize_fast(frames.permute(0, 2, 3, 1), size).permute(0, 3, 1, 2)
