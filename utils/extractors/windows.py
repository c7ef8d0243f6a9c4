"""Which frames (or samples) make one feature: integers only, no pixels and no files. Ranges are half-open."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

TAIL_SHARE = 0.2  # of a window, at least, that `--tail cycle` repeats


@dataclass(frozen=True)
class Window:
    """The frames or samples that the network sees at once.

    row: the window's place in the output.
    indices: of its frames among those of Sampling.wanted, in the order that the network sees them.
        A range may begin before the first one and end after the last: zeros stand there.
    n_repeated: how many of them are repetitions that fill the window.
    wait: how many frames after its latest must have arrived before it counts as full.
    """

    row: int
    indices: Sequence[int]
    n_repeated: int = 0
    wait: int = 0


class Sampling(Protocol):
    """Which windows to cut from one stream."""

    @property
    def wanted(self) -> Sequence[int] | None:
        """The frames of the stream that are needed, sorted, or None for all. Windows index these."""
        ...

    def full(self) -> Iterator[Window]:
        """Yield windows in the order of their latest frame, without regard to the length of the stream."""
        ...

    def earliest(self, n_full: int, n_frames: int) -> int:
        """Return the earliest frame that may still be needed after the first `n_full` windows of `n_frames` so far."""
        ...

    def rest(self, n_frames: int, n_full: int) -> list[Window]:
        """Return the windows after the first `n_full`, which were full, once the stream has ended with `n_frames`."""
        ...


@dataclass(frozen=True)
class Dense:
    """Windows of `size` frames that start at 0, step, 2 * step, …

    short: for a stream shorter than one window, "cycle" repeats it until the window is full; else it has no window.
    tail: for the frames after the last full window, "cycle" repeats them if they are at least a fifth of a window;
        "back" adds a window that ends at the last frame, as Ego4D's features have it (facebookresearch/Ego4d,
        ego4d/features/README.md: [0, 31] and [7, 38] of 39 frames, 32 at a time, 16 apart); "bmt" repeats them, however
        few, if the stream's length modulo `size` is at least a fifth of it, as v-iashin/video_features does
        (branch bmt at 662ec51, form_iter_list); else they are dropped.
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

    def earliest(self, n_full: int, n_frames: int) -> int:
        """Return the start of the next window, or of the last one if the stream ended now."""
        start = n_full * self.step
        return min(start, n_frames - self.size) if self.tail == "back" else start

    def rest(self, n_frames: int, n_full: int) -> list[Window]:
        """Return one window that repeats the short stream, or the tail, or ends at the last frame; or nothing."""
        start = n_full * self.step
        left = n_frames - start
        if n_full and self.tail == "back":
            is_new = n_frames - self.size > start - self.step
            return [Window(n_full, range(n_frames - self.size, n_frames))] if is_new else []
        if n_full == 0:
            wanted = self.short == "cycle" and left > 0
        else:
            counted = {"cycle": left, "bmt": n_frames % self.size}.get(self.tail, 0)
            wanted = left > 0 and counted >= math.ceil(TAIL_SHARE * self.size)
        if not wanted:
            return []
        return [Window(n_full, [start + i % left for i in range(self.size)], n_repeated=self.size - left)]

    def over(self, n_frames: int) -> list[Window]:
        """Return all windows of a stream of known length."""
        full = list(itertools.islice(self.full(), max((n_frames - self.size) // self.step + 1, 0)))
        return full + self.rest(n_frames, len(full))


@dataclass(frozen=True)
class Aligned:
    """A window of `size` frames for each full hop [i * step, (i + 1) * step) of the stream, floor(n / step) in all.

    align: "middle" centres the window on the hop's middle, from i * step + floor((step - size) / 2) on; "end" ends both
        together.
    repeats: outside the stream, its first and its last frame stand; else zeros.
    more: frames that follow each window and belong to it, as flow wants them.
    """

    size: int
    step: int
    align: str
    repeats: bool = False
    more: int = 0
    wanted: None = None

    def full(self) -> Iterator[Window]:
        """Yield the windows without end."""
        return map(self._window, itertools.count())

    def _window(self, row: int, n_frames: int | None = None) -> Window:
        """Return the window of a row. n_frames: of the stream, once it has ended."""
        room = self.step - self.size
        start = row * self.step + (room if self.align == "end" else room // 2)
        stop = start + self.size + self.more
        wait = max((row + 1) * self.step - stop, 0)
        last = stop - 1 if n_frames is None else n_frames - 1
        n_outside = max(-start, 0) + max(stop - 1 - last, 0)
        if self.repeats and n_outside:
            return Window(row, [min(max(i, 0), last) for i in range(start, stop)], n_outside, wait)
        return Window(row, range(start, stop), wait=wait)

    def earliest(self, n_full: int, n_frames: int) -> int:
        """Return the start of the next window."""
        return self._window(n_full).indices[0]

    def rest(self, n_frames: int, n_full: int) -> list[Window]:
        """Return the windows that pass the end of the stream."""
        return [self._window(row, n_frames) for row in range(n_full, n_frames // self.step)]


def sliding(
    size: int, step: int, align: str = "start", short: str = "drop", tail: str = "drop", more: int = 0
) -> Dense | Aligned:
    """Return windows of pictures: by --align_rows start as `Dense` says, else as `Aligned` does.

    There the first and the last frame are repeated, as in the tool that made I3D's features for MS-TCN
    (ahsaniqbal/Kinetics-FeatureExtractor, LazyLoader.cpp, commit 5de8552); what is zero there is flow between them.
    """
    if align == "start":
        return Dense(size + more, step, short, tail)
    return Aligned(size, step, align, repeats=True, more=more)


class Listed:
    """Given windows of a stream whose frames were counted before decoding, such as clips spread over a video.

    clips: the frames of each window, in the order of the outputs. Only these frames are converted.
    fill_lost: if fewer frames are decoded than counted (a damaged file), fill windows that have lost all of theirs with
        the last frame; False leaves such windows out. A window that has lost some is always filled.
    """

    def __init__(self, clips: Sequence[Sequence[int]], fill_lost: bool = True) -> None:
        self._fill_lost = fill_lost
        self.wanted = sorted({frame for clip in clips for frame in clip})
        index = {frame: i for i, frame in enumerate(self.wanted)}
        windows = [
            Window(row, [index[frame] for frame in clip], n_repeated=len(clip) - len(set(clip)))
            for row, clip in enumerate(clips)
        ]
        self._windows = sorted(windows, key=lambda window: max(window.indices))
        firsts = (min(window.indices) for window in reversed(self._windows))
        self._earliest = list(itertools.accumulate(firsts, min))[::-1]  # frame of each window and those after it

    def full(self) -> Iterator[Window]:
        """Yield the windows in the order of their latest frame."""
        return iter(self._windows)

    def earliest(self, n_full: int, n_frames: int) -> int:
        """Return the earliest frame of the windows still to come."""
        return self._earliest[n_full]

    def rest(self, n_frames: int, n_full: int) -> list[Window]:
        """Return the windows that a stream shorter than counted leaves incomplete, filled with its last frame."""
        if n_frames == 0:
            return []
        return [
            Window(window.row, indices, n_repeated=len(indices) - len(set(indices)))
            for window in self._windows[n_full:]
            if self._fill_lost or min(window.indices) < n_frames
            for indices in [[min(index, n_frames - 1) for index in window.indices]]
        ]
