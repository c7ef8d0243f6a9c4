"""Times of frames in containers that give each packet the next time, and in AVI files, which have only those."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from support.media import moving_frames, write_clip

from utils.media.frame_times import frame_times_s
from utils.media.shown_times import ShownTimes
from utils.media.video import VideoStream


@pytest.mark.parametrize(
    ("name", "options"),
    [("x.mxf", {"bf": "3"}), ("x.mxf", {"bf": "0"}), ("x.avi", {"bf": "3"}), ("x.avi", {"bf": "0"})],
)
def test_times_rise_and_are_those_that_are_counted(tmp_path: Path, name: str, options: dict[str, str]) -> None:
    path = write_clip(tmp_path / name, moving_frames(60), options={"g": "20", "b_strategy": "0", **options})
    with VideoStream(path) as stream:
        times_s = np.concatenate([chunk.pts_s for chunk in stream])
    np.testing.assert_allclose(times_s, np.arange(60) / 25, atol=1e-9)
    np.testing.assert_allclose(frame_times_s(path), times_s, atol=1e-9)


def fed(*pts: int) -> ShownTimes:
    """Return the times of an ASF file whose packets have these."""
    context, container = SimpleNamespace(has_b_frames=True), SimpleNamespace(format=SimpleNamespace(name="asf"))
    times = ShownTimes(*map(_any, (SimpleNamespace(container=container), SimpleNamespace(codec_context=context))))
    for time in pts:
        times.feed(_any(SimpleNamespace(pts=time, dts=time)))
    return times


def _any(value: Any) -> Any:
    return value


def frame(pts: int | None) -> av.VideoFrame:
    return _any(SimpleNamespace(pts=pts, dts=pts))


def test_frames_in_the_order_of_decoding_get_rising_times() -> None:
    times = fed(0, 1, 2, 3, 4)
    assert [times.of(frame(pts)) for pts in (0, 2, 3, 1, 4)] == [0, 1, 2, 3, 4]


def test_right_times_stay() -> None:
    times = fed(0, 3, 1, 2, 6, 4, 5)
    assert [times.of(frame(pts)) for pts in range(7)] == [0, 1, 2, 3, 4, 5, 6]
    assert (times.of(frame(7)), times.of(frame(None))) == (7, None)


def test_a_frame_that_is_lost_shifts_no_more_than_the_next_ones() -> None:
    times = fed(*range(60))
    found = [times.of(frame(pts)) for pts in (0, 1, *range(3, 60))]
    assert found[:2] == [0, 1]
    assert found[-30:] == list(range(30, 60))
