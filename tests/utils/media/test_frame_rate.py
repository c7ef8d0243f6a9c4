"""The rule for another frame rate, against ffmpeg's own `fps` filter."""

from fractions import Fraction
from typing import cast

import av
import numpy as np
import pytest
from av.filter import Graph
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.errors import UserError
from utils.media.frame_rate import FrameRateRule, nearest, parse_fps


def filtered(times: list[int], durations: list[int], time_base: Fraction, fps: str) -> list[tuple[int, int]]:
    """Return (tick, number of the source frame) of what the `fps` filter puts out."""
    graph = Graph()
    source = graph.add_buffer(width=16, height=16, format=av.VideoFormat("gray", 16, 16), time_base=time_base)
    rate, sink = graph.add("fps", f"fps={fps}"), graph.add("buffersink")
    source.link_to(rate)
    rate.link_to(sink)
    graph.configure()
    shown = []
    for number, (pts, duration) in enumerate(zip([*times, None], [*durations, 0], strict=True)):
        if pts is None:
            source.push(None)
        else:
            frame = av.VideoFrame.from_ndarray(np.full((16, 16), number, np.uint8), format="gray")
            frame.pts, frame.time_base, frame.duration = pts, time_base, duration
            source.push(frame)
        try:
            while True:
                out = cast(av.VideoFrame, sink.pull())
                shown.append((out.pts, int(out.to_ndarray()[0, 0])))
        except (BlockingIOError, EOFError):
            continue
    return shown


def ruled(times: list[int], durations: list[int], time_base: Fraction, fps: str) -> list[tuple[int, int]]:
    """Return the same by our rule."""
    rule = FrameRateRule(time_base, parse_fps(float(fps)))
    shown = []
    for number, pts in enumerate(times):
        shown += [(tick, number - 1) for tick in rule.push(pts)]
    return shown + [(tick, len(times) - 1) for tick in rule.finish(times[-1] + durations[-1])]


@settings(max_examples=150)
@given(
    start=st.integers(-300, 300),
    gaps=st.lists(st.integers(0, 60) | st.integers(60, 900), min_size=1, max_size=30),
    last=st.integers(0, 90),
    time_base=st.sampled_from([Fraction(1, 1000), Fraction(1, 90), Fraction(1001, 30000), Fraction(1, 600)]),
    fps=st.sampled_from(["1", "5", "12.5", "25", "29.97", "3.33", "23.976", "0.7", "60"]),
)
def test_rule_is_that_of_the_filter(start: int, gaps: list[int], last: int, time_base: Fraction, fps: str) -> None:
    times = [start + sum(gaps[:i]) for i in range(len(gaps))]
    durations = [*gaps[:-1], last]
    assert ruled(times, durations, time_base, fps) == filtered(times, durations, time_base, fps)


@pytest.mark.parametrize(("fps", "n_out"), [(5, 15), (1, 3), (60, 180), (25, 75)], ids=["fifth", "one", "more", "same"])
def test_three_seconds_at_25_fps(fps: int, n_out: int) -> None:
    assert len(ruled(list(range(75)), [1] * 75, Fraction(1, 25), str(fps))) == n_out


def test_rates_are_read_as_their_digits() -> None:
    assert parse_fps(29.97) == Fraction(2997, 100)
    assert parse_fps(3.33) == Fraction(333, 100)
    assert parse_fps(Fraction(30000, 1001)) == Fraction(30000, 1001)
    assert parse_fps(25) == 25
    assert parse_fps(10 / 3) == Fraction(10, 3)


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf"), 1e-300])
def test_impossible_rates_are_the_users_mistake(fps: float) -> None:
    with pytest.raises(UserError, match="extraction_fps"):
        parse_fps(fps)


def test_halves_go_away_from_zero() -> None:
    assert [nearest(n, 2) for n in (-3, -1, 0, 1, 3)] == [-2, -1, 0, 1, 2]
