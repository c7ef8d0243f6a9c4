"""Windows: start at 0, step, 2 * step, …; short streams and tails by their rules."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.extractors.windows import Aligned, Dense, Listed, sliding


def cut(sampling: Dense | Aligned, n_frames: int) -> list[list[int]]:
    """All windows of a stream of `n_frames`, as the window builder takes them."""
    full = list(itertools.takewhile(lambda window: window.indices[-1] + window.wait < n_frames, sampling.full()))
    return [list(window.indices) for window in full + sampling.rest(n_frames, len(full))]


@pytest.mark.parametrize(
    ("n_frames", "size", "step", "starts"),
    [
        (10, 4, 3, [0, 3, 6]),
        (355, 65, 64, [0, 64, 128, 192, 256]),
        (65, 65, 64, [0]),
        (64, 65, 64, []),
        (355, 65, 16, list(range(0, 291, 16))),
        (100, 17, 32, [0, 32, 64]),  # the reference goes 0, 17, 34 here
        (0, 4, 1, []),
    ],
)
def test_full_windows_start_at_multiples_of_the_step(n_frames, size, step, starts):
    assert cut(Dense(size, step), n_frames) == [list(range(start, start + size)) for start in starts]


def test_a_short_stream_is_repeated_until_the_window_is_full():
    assert cut(Dense(7, 4, short="cycle"), 3) == [[0, 1, 2, 0, 1, 2, 0]]
    assert Dense(7, 4, short="cycle").rest(3, 0)[0].n_repeated == 4
    assert cut(Dense(7, 4, short="skip"), 3) == []


def test_a_tail_is_repeated_from_a_fifth_of_a_window_on():
    dense = Dense(10, 10, tail="cycle")
    assert cut(dense, 11) == [list(range(10))]
    assert cut(dense, 12)[1:] == [[10, 11] * 5]
    assert dense.rest(12, 1)[0].n_repeated == 8
    assert cut(Dense(10, 10, tail="drop"), 19) == [list(range(10))]


def form_iter_list(n_frames, step, size):
    """The windows of video_features, branch bmt at 662ec51, models/i3d/utils/utils.py."""
    if n_frames < size:
        return [np.resize(np.arange(n_frames), size).tolist()]
    n_full = (n_frames - size) // step + 1
    windows = [list(range(i * step, i * step + size)) for i in range(n_full)]
    rest = [np.resize(np.arange(n_full * step, n_frames), size).tolist()] if n_frames % size >= 0.2 * size else []
    return windows + rest


@pytest.mark.parametrize(("step", "size"), [(64, 65), (24, 25)])
def test_bmt_repeats_the_tail_as_video_features_does(step, size):
    for n_frames in range(1, 400):
        assert cut(Dense(size, step, "cycle", "bmt"), n_frames) == form_iter_list(n_frames, step, size), n_frames


@pytest.mark.parametrize(
    ("n_frames", "size", "step", "starts"),
    [
        (39, 32, 16, [0, 7]),  # the example of Ego4D's README
        (48, 32, 16, [0, 16]),
        (49, 32, 16, [0, 16, 17]),
        (32, 32, 16, [0]),
        (31, 32, 16, []),
        (100, 17, 32, [0, 32, 64, 83]),
    ],
)
def test_a_window_more_can_end_at_the_last_frame(n_frames, size, step, starts):
    dense = Dense(size, step, tail="back")
    expected = [list(range(start, start + size)) for start in starts]
    assert cut(dense, n_frames) == expected
    assert [list(window.indices) for window in dense.over(n_frames)] == expected


@given(st.integers(0, 300), st.integers(1, 40), st.integers(1, 60), st.booleans(), st.booleans())
def test_windows_stay_within_the_stream(n_frames, size, step, short, tail):
    dense = Dense(size, step, short="cycle" if short else "drop", tail="cycle" if tail else "drop")
    windows = cut(dense, n_frames)
    assert all(len(window) == size and min(window) >= 0 and max(window) < n_frames for window in windows)
    assert all(window[0] == row * step for row, window in enumerate(windows))
    assert len(windows) <= max((n_frames - size) // step + 1, 0) + 1


@given(st.integers(0, 100), st.integers(1, 30), st.integers(1, 30))
def test_windows_can_have_a_hop_in_their_middle_or_end_with_it(n_frames, size, step):
    hops = [(i * step, (i + 1) * step) for i in range(n_frames // step)]
    assert cut(Aligned(size, step, "end"), n_frames) == [list(range(stop - size, stop)) for _, stop in hops]
    middle = cut(Aligned(size, step, "middle"), n_frames)
    assert len(middle) == len(hops)
    for (start, stop), window in zip(hops, middle, strict=True):
        assert window == list(range(window[0], window[0] + size))
        assert start + stop - 1 - (window[0] + window[-1]) in (
            0,
            1,
        )  # where both middles cannot be, half a frame before
    assert sliding(size, step, "start", "cycle", "back") == Dense(size, step, "cycle", "back")


@given(st.integers(1, 60), st.integers(1, 30), st.integers(1, 30), st.sampled_from(["middle", "end"]))
def test_pictures_outside_of_a_video_are_its_first_and_last(n_frames, size, step, align):
    bare = cut(Aligned(size, step, align, more=1), n_frames)
    pictures = cut(sliding(size, step, align, more=1), n_frames)
    assert pictures == [[min(max(frame, 0), n_frames - 1) for frame in window] for window in bare]


def test_a_frame_in_the_middle_of_21():
    assert [(w[0], w[-1]) for w in cut(Aligned(21, 1, "middle"), 30)] == [(t - 10, t + 10) for t in range(30)]


def test_listed_windows_count_in_the_wanted_frames():
    sampling = Listed([[8, 2, 5], [0, 2, 2], [20, 21, 22]])
    assert sampling.wanted == [0, 2, 5, 8, 20, 21, 22]
    assert [(w.row, w.indices, w.n_repeated) for w in sampling.full()] == [
        (1, [0, 1, 1], 1), (0, [3, 1, 2], 0), (2, [4, 5, 6], 0)
    ]  # fmt: skip
    assert [sampling.earliest(n, 9) for n in range(3)] == [0, 1, 4]


def test_a_stream_shorter_than_counted_ends_with_its_last_frame():
    sampling = Listed([[0, 10], [20, 30], [40, 50]])
    assert [(w.row, w.indices, w.n_repeated) for w in sampling.rest(3, 1)] == [(1, [2, 2], 1), (2, [2, 2], 1)]
    assert sampling.rest(0, 0) == []


def test_listed_windows_whose_frames_were_lost():
    clips = [[0, 1], [2, 3], [4, 5]]
    assert [window.indices for window in Listed(clips).rest(3, 1)] == [[2, 2], [2, 2]]
    assert [window.indices for window in Listed(clips, fill_lost=False).rest(3, 1)] == [[2, 2]]
