"""Segments of videos: the same frames as of the whole, decoded from the key frame before the start."""

import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from av.filter import Graph
from hypothesis import given, settings
from hypothesis import strategies as st
from support.media import cut, hide_start, moving_frames, write_clip

from utils.errors import VideoError
from utils.media.frame_rate import FrameRateRule
from utils.media.frame_times import frame_times_s
from utils.media.segment import Segment
from utils.media.video import Frames, VideoStream
from utils.media.video_frames import SourceFrames

OPEN_GOP = "open-gop=1:bframes=3:keyint=15:min-keyint=15:scenecut=0"
CLIPS: dict[str, dict[str, Any]] = {
    "h264.mp4": {"options": {"g": "15"}},
    "open_gop.mp4": {"options": {"x264-params": OPEN_GOP}},
    "open_gop.ts": {"options": {"x264-params": OPEN_GOP}},
    "intra_refresh.mkv": {"options": {"x264-params": "intra-refresh=1:keyint=15"}},
    "mpeg2_b_frames.mpg": {"codec": "mpeg2video", "options": {"g": "15", "bf": "2"}},
    "mpeg2_b_frames.mkv": {"codec": "mpeg2video", "options": {"g": "15", "bf": "2"}},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"g": "15"}},
    "h264_b_frames.avi": {"options": {"g": "15"}},
    "vp8_hidden_frames.webm": {"codec": "libvpx", "options": {"g": "15", "auto-alt-ref": "1", "lag-in-frames": "10"}},
    "h264.flv": {"options": {"g": "15"}},
    "animated.gif": {"codec": "gif", "pix_fmt": "rgb8", "fps": 10},
    "fragments.mp4": {"options": {"g": "15"}, "muxer_options": {"movflags": "frag_keyframe+empty_moov"}},
    "uneven.mkv": {"options": {"g": "15"}, "pts": np.cumsum(np.arange(80) * 37 % 71 + 1).tolist()},
    "edited.mp4": {"options": {"x264-params": OPEN_GOP}},
}
SOUGHT = {"h264.mp4", "open_gop.mp4", "open_gop.ts", "mpeg2_b_frames.mkv", "mpeg4.avi", "h264.flv", "uneven.mkv"}


def read(path: Path, **options: Any) -> tuple[Frames, VideoStream]:
    with VideoStream(path, **options) as stream:
        chunks = list(stream)
    pixels, index, pts_s = zip(*((c.pixels, c.index, c.pts_s) for c in chunks), strict=True)
    return Frames(np.concatenate(pixels), np.concatenate(index), np.concatenate(pts_s)), stream


@pytest.mark.parametrize("name", CLIPS)
def test_same_as_decoding_the_whole(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / name, moving_frames(80), **CLIPS[name])
    if name == "edited.mp4":
        hide_start(path, 0.7)
    whole, _ = read(path)
    sought = []
    seek = SourceFrames._seek
    monkeypatch.setattr(SourceFrames, "_seek", lambda self: (sought.append(result := seek(self)), result)[1])
    rng = np.random.default_rng(len(name))
    for start_s in (0.0, float(whole.pts_s[45]), *rng.uniform(0, whole.pts_s[-1], 4).round(3)):
        end_s = float(start_s + round(rng.uniform(0.3, 1.5), 3))
        inside = (whole.pts_s > start_s - 1e-6) & (whole.pts_s < end_s - 1e-6)
        if not inside.any():
            continue
        ours, stream = read(path, segment=Segment(start_s, end_s))
        np.testing.assert_array_equal(ours.pixels, whole.pixels[inside])
        np.testing.assert_allclose(ours.pts_s, whole.pts_s[inside], atol=1e-9)
        np.testing.assert_array_equal(ours.index, np.arange(inside.sum()))
        np.testing.assert_allclose(frame_times_s(path, None, Segment(start_s, end_s)), ours.pts_s, atol=1e-9)
        report = stream.report
        assert (report.decoded, report.declared, report.problems) == (inside.sum(), None, [])
    if name in SOUGHT:
        assert any(sought)


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
    ours, stream = read(path, fps=fps, segment=segment)
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
    return path, read(path)[0]


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 2), st.floats(0.001, 2), st.integers(0, 6))
def test_any_segment(clip: tuple[Path, Frames], start_s: float, length_s: float, digits: int) -> None:
    path, whole = clip
    start_s, end_s = round(start_s, digits), round(start_s + length_s, digits)
    inside = (whole.pts_s >= start_s - 1e-6) & (whole.pts_s < end_s - 1e-6)
    if inside.any():
        ours, _ = read(path, segment=Segment(start_s, end_s))
        np.testing.assert_array_equal(ours.pixels, whole.pixels[inside])
        np.testing.assert_array_equal(ours.pts_s, whole.pts_s[inside])
    else:
        with pytest.raises(VideoError, match="segment"):
            VideoStream(path, segment=Segment(start_s, end_s))


def test_segments_that_meet_share_no_frame(clip: tuple[Path, Frames]) -> None:
    path, whole = clip
    at_s = round(float(whole.pts_s[20]), 6)  # as a list would write it
    first, _ = read(path, segment=Segment(None, at_s))
    second, _ = read(path, segment=Segment(at_s, None))
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
    _, stream = read(path)
    assert stream.report.partial
    _, stream = read(path, segment=Segment(1, 2))
    assert not stream.report.partial
    _, stream = read(path, segment=Segment(1, 8))
    assert "the header says 8.00 s" in stream.report.problems[-1]
