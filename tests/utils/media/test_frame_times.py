"""How many frames a video yields, and when: what counting says is what decoding gives, for every kind of packet."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.media import hide_start, moving_frames, remux, write_clip

from utils.media import frame_times
from utils.media.frame_times import frame_times_s
from utils.media.probe import probe
from utils.media.report import VideoReport
from utils.media.segment import Segment
from utils.media.video import VideoStream

PAFF = Path(__file__).parents[2] / "media" / "paff_20_pictures.ts"  # 20 pictures of two fields in 40 packets
OPEN_GOP = "open-gop=1:bframes=3:keyint=15:min-keyint=15:scenecut=0:log-level=error"


def decoded_s(path: Path, fps: float | None = None, segment: Segment | None = None) -> tuple[np.ndarray, VideoStream]:
    with VideoStream(path, fps, segment=segment or Segment()) as stream:
        return np.concatenate([chunk.pts_s for chunk in stream]), stream


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("h264.mp4", {}),
        ("h264.ts", {}),
        ("mpeg4.avi", {"codec": "mpeg4"}),
        ("vp8_hidden_frames.webm", {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "16"}}),
        ("vp9.webm", {"codec": "libvpx-vp9", "options": {"lag-in-frames": "16"}}),
        ("animated.gif", {"codec": "gif", "pix_fmt": "rgb8", "fps": 10}),
    ],
)
def test_times_are_those_that_decode(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    path = write_clip(tmp_path / name, moving_frames(40), **options)
    for fps in (None, 7.5, 60):
        with VideoStream(path, fps=fps) as stream:
            decoded_s = np.concatenate([chunk.pts_s for chunk in stream])
        np.testing.assert_allclose(frame_times_s(path, fps), decoded_s, atol=1e-9)
    assert len(frame_times_s(path)) == 40


def test_count_leaves_out_what_an_edit_list_hides(tmp_path: Path) -> None:
    path = hide_start(write_clip(tmp_path / "x.mp4", moving_frames(50)), 0.4)
    assert len(frame_times_s(path)) == probe(path).declared_frames == 40


@pytest.mark.parametrize("name", ["x.ts", "x.mp4", "x.mkv"])
def test_two_fields_are_one_picture(tmp_path: Path, name: str) -> None:
    path = PAFF if name == "x.ts" else remux(PAFF, tmp_path / name)
    times_s, stream = decoded_s(path)
    np.testing.assert_allclose(frame_times_s(path), np.arange(20) / 25, atol=1e-6)
    np.testing.assert_allclose(times_s, np.arange(20) / 25, atol=1e-6)
    assert stream.info.fps == 25
    report = stream.report
    assert (report.decoded, report.declared) == (20, 20 if name == "x.mp4" else None)
    assert report.problems == ["its frames are interlaced: both fields are used as one frame"]
    np.testing.assert_allclose(frame_times_s(path, None, Segment(0.2, 0.6)), np.arange(5, 15) / 25, atol=1e-6)
    assert len(frame_times_s(path, 5)) == 4


def test_fields_that_are_cut_off_are_missed(tmp_path: Path) -> None:
    path = remux(PAFF, tmp_path / "x.mp4", muxer_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: -15 * 3103 - 100])  # 16 of 40 packets are gone or cut
    counted = VideoReport()
    assert len(frame_times_s(path, report=counted)) == 12
    assert (counted.decoded, counted.declared, counted.partial) == (12, 20, True)
    assert "12 of 20 frames decode" in counted.problems


@pytest.mark.parametrize(
    ("codec", "options", "first"),
    [
        ("libx264", {"x264-params": OPEN_GOP}, 15),
        ("libx264", {"g": "15"}, 7),
        ("libx265", {"x265-params": OPEN_GOP}, 15),
        ("libx265", {"x265-params": OPEN_GOP}, 7),
        ("mpeg2video", {"g": "15", "bf": "2"}, 7),
    ],
)
@pytest.mark.parametrize("suffix", ["ts", "mkv"])
def test_what_cannot_be_decoded_at_the_start_is_not_counted(
    tmp_path: Path, codec: str, options: dict[str, str], first: int, suffix: str
) -> None:
    whole = write_clip(tmp_path / "whole.ts", moving_frames(60), codec=codec, options=options)
    path = remux(whole, tmp_path / f"x.{suffix}", lambda packet, number: number >= first)
    for fps in (None, 10):
        times_s, _ = decoded_s(path, fps)
        np.testing.assert_allclose(frame_times_s(path, fps), times_s, atol=1e-9)
    assert len(frame_times_s(path)) <= 60 - first


def test_nothing_is_decoded_where_packets_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_times, "SourceFrames", None)
    hevc: dict[str, Any] = {"codec": "libx265", "options": {"x265-params": "log-level=error"}}
    options: dict[str, Any]
    for name, options in (("x.mp4", {}), ("x.ts", {}), ("x.mkv", hevc), ("x.webm", {"codec": "libvpx-vp9"})):
        assert len(frame_times_s(write_clip(tmp_path / name, moving_frames(20), **options))) == 20


@pytest.mark.parametrize("suffix", ["h264", "hevc", "m2v"])
def test_a_bare_stream_is_evenly_spaced(tmp_path: Path, suffix: str) -> None:
    codec = {"h264": "libx264", "hevc": "libx265", "m2v": "mpeg2video"}[suffix]
    path = write_clip(tmp_path / f"x.{suffix}", moving_frames(20), fps=30000 / 1001, codec=codec)
    for times_s in (decoded_s(path)[0], frame_times_s(path)):
        np.testing.assert_allclose(times_s, np.arange(20) * 1001 / 30000, atol=1e-6)


@pytest.mark.parametrize("codec", ["h264", "mpeg4"])  # by packets, by decoding
def test_the_report_says_how_far_the_counting_is(tmp_path: Path, codec: str) -> None:
    path, report = write_clip(tmp_path / "x.mp4", moving_frames(20), codec=codec), VideoReport()
    assert len(frame_times_s(path, None, Segment(0.2, None), report=report)) == 15
    assert report.decoded_s == pytest.approx(0.54, abs=0.03)  # the last packet need not be the last frame
    assert report.length_s == pytest.approx(0.6)
