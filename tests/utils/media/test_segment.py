"""Segments of videos: the same frames as of the whole, decoded from the key frame before the start."""

import itertools
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from av.filter import Graph
from hypothesis import given, settings
from hypothesis import strategies as st
from support.decoded import decoded
from support.media import cut, moving_frames, write_clip

from utils.errors import VideoError
from utils.media.frame_rate import FrameRateRule
from utils.media.frame_times import frame_times_s
from utils.media.segment import Segment
from utils.media.video import Frames, VideoStream


def filtered(path: Path, segment: Segment, fps: float) -> list[tuple[np.ndarray, float]]:
    """Return frames and times of ffmpeg's trim, setpts and fps filters."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        graph = Graph()
        steps = [
            graph.add_buffer(template=video, time_base=video.time_base),
            graph.add("trim", f"start={segment.start_s}:end={segment.end_s}"),
            graph.add("setpts", f"PTS-{segment.start_s}/TB"),
            graph.add("fps", f"fps={fps}"),
            graph.add("buffersink"),
        ]
        for first, second in itertools.pairwise(steps):
            first.link_to(second)
        graph.configure()
        found = []
        for frame in [*container.decode(video), None]:
            try:
                steps[0].push(frame)
                while True:
                    out = cast(av.VideoFrame, steps[-1].pull())
                    found.append(
                        (out.to_ndarray(format="rgb24"), float(cast(int, out.pts) * cast(Fraction, out.time_base)))
                    )
            except BlockingIOError:
                continue
            except EOFError:
                break
        return found


@pytest.mark.parametrize("fps", [3.33, 10, 29.97, 60])
@pytest.mark.parametrize("segment", [Segment(0.4, 0.96), Segment(1.0, 2.5), Segment(1.48, 9.0)], ids=str)
def test_another_rate_is_that_of_the_filters(tmp_path: Path, segment: Segment, fps: float) -> None:
    path = write_clip(tmp_path / "x.mp4", moving_frames(60), options={"g": "10"})
    assert segment.start_s is not None
    ours, stream = decoded(path, fps=fps, segment=segment)
    expected = filtered(path, segment, fps)
    np.testing.assert_array_equal(ours.pixels, np.stack([pixels for pixels, _ in expected]))
    np.testing.assert_allclose(ours.pts_s, [segment.start_s + time_s for _, time_s in expected], rtol=1e-12)
    np.testing.assert_allclose(frame_times_s(path, fps, segment), ours.pts_s, rtol=1e-12)
    assert not stream.report.partial


def test_rule_counts_from_the_start_of_the_segment() -> None:
    rule = FrameRateRule(Fraction(1, 10), Fraction(3), Fraction(1, 2))
    assert [list(rule.push(pts)) for pts in (5, 9, 20)] == [[], [0], [1, 2, 3, 4]]
    assert list(rule.finish(21)) == []


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Frames]:
    path = tmp_path_factory.mktemp("clip") / "x.mp4"
    write_clip(path, moving_frames(60, 16, 16), fps=Fraction(30000, 1001), options={"g": "7"})
    return path, decoded(path)[0]


@settings(max_examples=25)
@given(st.floats(0, 2), st.floats(0.001, 2), st.integers(0, 6))
def test_any_segment(clip: tuple[Path, Frames], start_s: float, length_s: float, digits: int) -> None:
    path, whole = clip
    start_s, end_s = round(start_s, digits), round(start_s + length_s, digits)
    inside = (whole.pts_s >= start_s - 1e-6) & (whole.pts_s < end_s - 1e-6)
    if inside.any():
        ours, _ = decoded(path, segment=Segment(start_s, end_s))
        np.testing.assert_array_equal(ours.pixels, whole.pixels[inside])
        np.testing.assert_array_equal(ours.pts_s, whole.pts_s[inside])
    else:
        with pytest.raises(VideoError, match="segment"):
            VideoStream(path, segment=Segment(start_s, end_s))


def test_segments_that_meet_share_no_frame(clip: tuple[Path, Frames]) -> None:
    path, whole = clip
    at_s = round(float(whole.pts_s[20]), 6)  # as a list would write it
    first, _ = decoded(path, segment=Segment(None, at_s))
    second, _ = decoded(path, segment=Segment(at_s, None))
    assert (len(first.index), len(second.index)) == (20, 40)


@pytest.mark.parametrize(
    ("segment", "message"),
    [
        (Segment(5, 7), "no frame starts in the segment from 5 to 7 s: the video is 2.00 s long"),
        (Segment(3), "no frame starts in the segment from 3 s: the video is 2.00 s long"),
        (Segment(1e30), "no frame starts in the segment from 1e+30 s: the video is 2.00 s long"),
        (Segment(1.5, 1.5), "the segment from 1.5 to 1.5 s is empty"),
        (Segment(float("nan"), 2.0), "is not between two times"),
    ],
)
def test_segments_without_a_frame(clip: tuple[Path, Frames], segment: Segment, message: str) -> None:
    with pytest.raises(VideoError) as caught:
        VideoStream(clip[0], segment=segment)
    assert message in str(caught.value)


def test_damage_elsewhere_is_not_the_segments(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.mkv", moving_frames(200, 96, 128), options={"g": "10"})
    cut(path, 0.6)
    _, stream = decoded(path)
    assert stream.report.partial
    _, stream = decoded(path, segment=Segment(1, 2))
    assert not stream.report.partial
    _, stream = decoded(path, segment=Segment(1, 8))
    assert "the header says 8.00 s" in stream.report.problems[-1]
