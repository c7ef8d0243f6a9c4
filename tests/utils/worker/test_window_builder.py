"""The builder: the same windows however the frames arrive, pairs computed once, memory bounded by a window."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from utils.errors import VideoError
from utils.extractors.base import VideoExtractor
from utils.extractors.windows import Aligned, Dense, Listed, Sampling
from utils.worker import window_builder
from utils.worker.assemble import Rows
from utils.worker.frame_store import FrameStore
from utils.worker.pair_cache import PairLimits
from utils.worker.window_builder import WindowBuilder


class Differences:
    """A stand-in for flow: the difference of neighbours, with a note of what was computed."""

    multiple = 1

    def __init__(self) -> None:
        self.encoded: list[int] = []
        self.pairs: list[tuple[int, int]] = []
        self.batches: list[int] = []

    def pairs_at_once(self, size: tuple[int, int]) -> int:
        return 3

    def encode(self, frames):
        self.encoded += frames[:, 0, 0, 0].tolist()
        return (frames,)

    def between(self, first, second, size):
        self.batches.append(len(first[0]))
        self.pairs += list(zip(first[0][:, 0, 0, 0].tolist(), second[0][:, 0, 0, 0].tolist(), strict=True))
        return second[0] - first[0]


class Plain(VideoExtractor[Any]):
    """Windows of frames that hold their own index."""

    dense: Sampling = Dense(4, 3)

    @property
    def keys(self) -> tuple[str]:
        return ("x",)

    @property
    def batch_size(self) -> int:
        return 1

    def sampling(self, info):
        return self.dense

    def window(self, frames, pairs):
        return {"frames": frames} if pairs is None else {"frames": frames, "pairs": pairs}

    def forward(self, batch):
        return {"x": batch["frames"].flatten(1)[:, :1]}


def run(
    dense: Sampling, n_frames: int, chunk: int, stage: Differences | None = None, limits: PairLimits | None = None
) -> list:
    extractor = Plain(None, {}, torch.device("cpu"))
    extractor.dense, extractor.pairs = dense, stage
    builder = WindowBuilder(extractor, dense, limits)
    frames = torch.arange(n_frames).reshape(-1, 1, 1, 1).expand(-1, 2, 2, 3)
    windows = []
    for start in range(0, n_frames, chunk):
        stop = min(start + chunk, n_frames)
        windows += builder.push(frames[start:stop], np.arange(start, stop) / 10)
    return windows + list(builder.finish())


@given(
    st.integers(1, 60),
    st.integers(2, 12),
    st.integers(1, 15),
    st.integers(1, 70),
    st.sampled_from(["drop", "cycle", "back"]),
)
def test_windows_do_not_depend_on_how_frames_arrive(n_frames, size, step, chunk, rule):
    dense = Dense(size, step, short=rule, tail=rule)
    windows = run(dense, n_frames, chunk)
    whole = run(dense, n_frames, n_frames)
    got = [(window.row, window.inputs["frames"][0, :, 0, 0, 0].tolist(), window.end_s) for window in windows]
    assert got == [(window.row, window.inputs["frames"][0, :, 0, 0, 0].tolist(), window.end_s) for window in whole]
    assert [row for row, _, _ in got] == list(range(len(got)))
    assert all(end_s == max(frames) / 10 for _, frames, end_s in got)


@pytest.mark.parametrize(("size", "step"), [(9, 8), (9, 2), (9, 20)])
@pytest.mark.parametrize("chunk", [1, 4, 100])
def test_each_pair_and_frame_is_computed_once(size, step, chunk):
    stage = Differences()
    windows = run(Dense(size, step), 40, chunk, stage)
    assert len(stage.pairs) == len(set(stage.pairs))
    assert len(stage.encoded) == len(set(stage.encoded))
    assert set(stage.pairs) == {
        (frame, frame + 1) for window in windows for frame in window.inputs["frames"][0, :-1, 0, 0, 0].tolist()
    }
    assert all((window.inputs["pairs"] == 1).all() for window in windows)
    assert all(window.inputs["pairs"].shape[1] == size - 1 for window in windows)


@pytest.mark.parametrize(("size", "step"), [(6, 2), (6, 6), (3, 200)])
def test_a_last_window_that_ends_at_the_last_frame_keeps_no_more_than_a_window(size, step):
    extractor = Plain(None, {}, torch.device("cpu"))
    builder = WindowBuilder(extractor, Dense(size, step, tail="back"))
    windows = []
    for start in range(101):
        windows += builder.push(torch.full((1, 2, 2, 3), start), np.array([start / 10]))
        assert len(builder._store._chunks) <= size
    windows += builder.finish()
    assert windows[-1].inputs["frames"][0, :, 0, 0, 0].tolist() == list(range(101 - size, 101))
    assert (windows[-1].start_s, windows[-1].end_s) == ((101 - size) / 10, 10)


@pytest.mark.parametrize("chunk", [1, 3, 20])
def test_zeros_stand_before_the_first_frame_and_after_the_last(chunk):
    builder = WindowBuilder(Plain(None, {}, torch.device("cpu")), Aligned(5, 2, "middle"), period_s=0.1)
    windows = []
    for start in range(1, 8, chunk):
        windows += builder.push(
            torch.arange(start, min(start + chunk, 8)), np.arange(start, min(start + chunk, 8)) / 10
        )
    windows += builder.finish()
    assert [window.inputs["frames"][0].tolist() for window in windows] == [
        [0, 0, 1, 2, 3], [1, 2, 3, 4, 5], [3, 4, 5, 6, 7]
    ]  # fmt: skip
    np.testing.assert_allclose([[w.start_s[0], w.end_s[0]] for w in windows], [[-0.1, 0.3], [0.1, 0.5], [0.3, 0.7]])


def test_pairs_of_small_windows_share_batches():
    stage = Differences()
    windows = run(Dense(2, 1), 15, 7, stage)
    assert [window.inputs["pairs"].shape for window in windows] == [(1, 1, 2, 2, 3)] * 14
    assert stage.batches == [3, 3, 3, 3, 1, 1]  # at most 3, from 7, 7 and 1 frames
    assert [(window.start_s, window.end_s) for window in windows] == [(i / 10, (i + 1) / 10) for i in range(14)]


@pytest.mark.parametrize("layout", ["uint8 [n, h, w, 3]", "float32 [n, 3, h, w]"])
def test_prepared_frames_of_another_shape_are_stretched_to_that_of_the_first(layout):
    stage = Differences()
    extractor = Plain(None, {}, torch.device("cpu"))
    extractor.pairs = stage
    builder = WindowBuilder(extractor, Dense(2, 1))
    windows = []
    for number, size in enumerate([(4, 6), (4, 9), (8, 6), (4, 6)]):
        frames = torch.full((1, *size, 3), number, dtype=torch.uint8)
        if layout.startswith("float"):
            frames = frames.permute(0, 3, 1, 2).float()
        windows += builder.push(frames, np.array([number / 10]))
    assert builder.n_stretched == 2
    shape = (4, 6, 3) if layout.startswith("uint8") else (3, 4, 6)
    assert [window.inputs["frames"].shape for window in windows] == [(1, 2, *shape)] * 3
    assert all((window.inputs["pairs"] == 1).all() for window in windows)


@pytest.mark.parametrize(
    ("size", "owner", "name"),
    [(2, Plain, "window"), (1, Plain, "windows_of_frames"), (1, window_builder, "_stretched")],
)
def test_what_has_no_memory_is_tried_once_more_after_all_else_is_freed(size, owner, name, monkeypatch):
    made, freed, n_tries = getattr(owner, name), [], []

    def full_until_freed(*given):
        n_tries.append(name)
        if not freed:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return made(*given)

    monkeypatch.setattr(owner, name, full_until_freed)
    limits = PairLimits(free=lambda: freed.append("all"))
    builder, windows = WindowBuilder(Plain(None, {}, torch.device("cpu")), Dense(size, 1), limits), []
    for width in (6, 9, 6):
        windows += builder.push(torch.zeros(1, 4, width, 3, dtype=torch.uint8), np.zeros(1))
    assert [window.inputs["frames"].shape[-3:] for window in windows] == [(4, 6, 3)] * (4 - size)
    assert (freed, builder.n_rows, builder.n_stretched) == (["all"], 4 - size, 1)
    assert len(n_tries) == {"window": 3, "windows_of_frames": 4, "_stretched": 2}[name]


def test_a_repeated_video_gets_the_pair_that_leads_back():
    windows = run(Dense(6, 6, short="cycle"), 3, 2, Differences())
    assert windows[0].inputs["pairs"][0, :, 0, 0, 0].tolist() == [1, 1, -2, 1, 1]
    assert windows[0].n_repeated == 3


def test_a_store_keeps_only_what_is_needed():
    store = FrameStore()
    for start in range(0, 1000, 10):
        store.append(torch.arange(start, start + 10), np.arange(start, start + 10.0))
        store.drop_before(start - 5)
    assert len(store._chunks) == 2
    assert store.take([996, 997, 990]).tolist() == [996, 997, 990]
    assert store.time_s(998) == 998


@pytest.mark.parametrize("n_decoded", [6, 4, 1])
def test_clips_of_a_damaged_video_end_with_the_last_frame(n_decoded):
    """Six frames were counted, fewer decode: every clip is there all the same."""
    windows = run(Listed([[0, 9, 3], [12, 6, 15], [3, 3, 15]]), n_decoded, 2)
    shown = {window.row: window.inputs["frames"][0, :, 0, 0, 0].tolist() for window in windows}
    last = n_decoded - 1
    assert shown == {
        0: [0, min(3, last), min(1, last)],
        1: [min(4, last), min(2, last), min(5, last)],
        2: [min(1, last), min(1, last), min(5, last)],
    }


def test_chunks_of_frames_are_windows_where_each_is_one():
    class Framewise(Plain):
        def windows_of_frames(self, frames):
            return {"frames": frames}

    builder = WindowBuilder(Framewise(None, {}, torch.device("cpu")), Dense(1, 1))
    frames, rows = torch.rand(7, 2, 2, 3), Rows(("x",))
    windows = [*builder.push(frames[:4], np.arange(4) / 10), *builder.push(frames[4:], np.arange(4, 7) / 10)]
    assert not list(builder.finish())
    assert [(each.row, len(each)) for each in windows] == [(0, 4), (4, 3)]
    for each in reversed(windows):
        rows.add(each, {"x": each.inputs["frames"].numpy()})
    assert len(rows) == builder.n_rows == builder.n_frames == 7
    np.testing.assert_array_equal(rows.arrays()["x"], frames)
    np.testing.assert_allclose(rows.timestamps_ms(), np.arange(7) * 100)
    (windows,) = run(Dense(1, 1), 5, 5)  # as `window` makes each
    assert windows.inputs["frames"].shape == (5, 1, 2, 2, 3)
    assert windows.inputs["frames"][:, 0, 0, 0, 0].tolist() == [0, 1, 2, 3, 4]


class Cramped(Differences):
    """A device with memory for a few pairs at once."""

    def __init__(self, planned: int, fitting: int) -> None:
        super().__init__()
        self._planned, self._fitting = planned, fitting

    def pairs_at_once(self, size: tuple[int, int]) -> int:
        return self._planned

    def between(self, first, second, size):
        if len(first[0]) > self._fitting:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().between(first, second, size)


@pytest.mark.parametrize(("fitting", "batches"), [(8, [8, 8, 8, 8]), (5, [4, 4, 4, 4]), (1, [1, 1, 1, 1])])
@pytest.mark.parametrize("size", [2, 9])
def test_pairs_that_do_not_fit_are_computed_in_halves_from_then_on(size, fitting, batches):
    learned, freed = [], []
    limits = PairLimits(lambda: freed.append(True), lambda size, most: learned.append((size, most)))
    stage = Cramped(8, fitting)
    windows = run(Dense(size, size - 1), 40, 40, stage, limits)
    expected = run(Dense(size, size - 1), 40, 40, Differences())
    assert [window.row for window in windows] == [window.row for window in expected]
    for ours, theirs in zip(windows, expected, strict=True):
        assert torch.equal(ours.inputs["pairs"], theirs.inputs["pairs"])
    assert stage.batches[: len(batches)] == batches
    assert learned == ([] if fitting == 8 else [((2, 2), batches[0])])
    assert bool(freed) is bool(learned)
    stage.batches.clear()
    run(Dense(size, size - 1), 9, 9, stage, limits)  # the next video starts with what the first one learned
    assert stage.batches == [batches[0]] * (8 // batches[0])
    assert len(learned) < 2


def test_a_pair_that_does_not_fit_alone_fails_the_video():
    with pytest.raises(VideoError, match=r"one pair of 2x2 frames does not fit in memory; use fewer --num_workers"):
        run(Dense(2, 1), 9, 9, Cramped(8, 0))
