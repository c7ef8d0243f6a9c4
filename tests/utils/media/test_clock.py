"""One clock for a file: joints are bridged as ffmpeg bridges them, for picture and sound, counting and decoding."""

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from av.container import InputContainer
from av.format import ContainerFormat
from av.packet import Packet
from support.media import join, moving_frames, remux, waveform, write_clip
from support.tracks import Track, write_tracks

from utils.media.clock import Clock
from utils.media.frame_times import frame_times_s
from utils.media.limits import Limits
from utils.media.segment import Segment
from utils.media.video import VideoStream

THEORA = Path(__file__).parents[2] / "media" / "theora_10_frames.ogv"
N, FPS = 50, 25  # of each part of a joined file


def read(path: Path, fps: float | None = None, **options) -> tuple[np.ndarray, VideoStream]:
    with VideoStream(path, fps, **options) as stream:
        return np.concatenate([chunk.pts_s for chunk in stream]), stream


def two_parts(folder: Path, suffix: str, ahead_s: float = 0.0, sound: bool = False) -> Path:
    """Write two recordings one after the other, the second one's clock starting at the first one's plus `ahead_s`."""
    codec = "mpeg2video" if suffix == "mpg" else "libx264"
    audio = {"audio": waveform(1, 2.0, 48000), "audio_rate": 48000, "audio_codec": "mp2"} if sound else {}
    parts = [
        write_clip(folder / f"{seed}.{suffix}", moving_frames(N, seed=seed), codec=codec, options={"g": "10"}, **audio)
        for seed in (1, 2)
    ]
    if ahead_s:
        parts[1] = remux(parts[1], folder / f"later.{suffix}", shift_s=lambda packet: ahead_s)
    return join(folder / f"both.{suffix}", *parts)


@pytest.mark.parametrize("sound", [False, True], ids=["picture", "both"])
@pytest.mark.parametrize(
    ("suffix", "ahead_s", "jump"),
    [
        ("mpg", 0.0, "goes back by 2.0"),
        ("ts", 0.0, "goes back by 2.0"),
        ("ts", 60.0, "jumps ahead by 5"),
        ("ts", 3.0, ""),
        ("mkv", 0.0, "goes back by 2.0"),
    ],
)
def test_a_joint_is_bridged_and_noted_once(tmp_path: Path, suffix: str, ahead_s: float, jump: str, sound: bool) -> None:
    path = two_parts(tmp_path, suffix, ahead_s, sound)
    expected = np.arange(2 * N) / FPS + (np.arange(2 * N) >= N) * (0 if jump else ahead_s - N / FPS)
    times_s, stream = read(path)
    np.testing.assert_allclose(times_s, expected, atol=0.05)
    np.testing.assert_allclose(frame_times_s(path), times_s, atol=1e-9)
    if jump:
        assert [jump in problem for problem in stream.report.problems] == [True]
    assert stream.report.partial == (not jump)  # a second is missing where the packets are not numbered on
    for fps in (5, 60):
        ours, _ = read(path, fps)
        assert len(ours) == pytest.approx((expected[-1] + 1 / FPS) * fps, abs=2 if sound else 1)
        np.testing.assert_allclose(frame_times_s(path, fps), ours)


def test_headers_of_joined_theora_are_no_frames(tmp_path: Path) -> None:
    path = join(tmp_path / "both.ogv", THEORA, THEORA)  # which PyAV cannot write
    times_s, stream = read(path)
    np.testing.assert_allclose(times_s, np.arange(20) / FPS, atol=0.13)  # FFmpeg gives the three headers times
    np.testing.assert_allclose(frame_times_s(path), times_s, atol=1e-9)
    assert not stream.report.partial


def test_segments_and_limits_count_on_the_corrected_clock(tmp_path: Path) -> None:
    path = two_parts(tmp_path, "ts", 60.0)
    whole_s, _ = read(path)
    for start_s, end_s in ((0.5, 1.0), (1.5, 2.5), (2.2, 3.4), (3.0, None)):
        ours, stream = read(path, segment=Segment(start_s, end_s))
        inside = (whole_s > start_s - 1e-6) & (whole_s < (end_s or 9) - 1e-6)
        np.testing.assert_allclose(ours, whole_s[inside], atol=1e-9)
        np.testing.assert_allclose(frame_times_s(path, None, Segment(start_s, end_s)), ours, atol=1e-9)
    _, stream = read(path, limits=Limits(max_seconds=5))
    assert stream.report.decoded == 2 * N
    times_s, stream = read(path, limits=Limits(max_seconds=3))
    assert (len(times_s), stream.report.partial) == (3 * FPS, True)


def _clock(container: str) -> Clock:
    """Return the clock of a container of this format: all that a clock asks of it."""
    return Clock(cast(InputContainer, SimpleNamespace(format=ContainerFormat(container, "r"))))


class _Stream:
    average_rate = Fraction(25)


class _Packet:
    stream, time_base, duration, is_discard = _Stream(), Fraction(1, 1000), 40, False

    def __init__(self, dts: int | None, pts: int | None = None, stream_index: int = 0) -> None:
        self.dts, self.pts, self.stream_index = dts, dts if pts is None else pts, stream_index


def test_impossible_times_are_dropped() -> None:
    """Outside of containers whose clock may jump, only what is 30 hours away is wrong."""
    clock, hours = _clock("matroska"), 3600 * 1000
    packets = [_Packet(0), _Packet(40), _Packet(20 * hours), _Packet(60 * hours), _Packet(20 * hours + 80)]
    assert [clock.correct(cast(Packet, packet)) for packet in packets] == [0] * 5
    assert [packet.dts for packet in packets] == [0, 40, 20 * hours, None, 20 * hours + 80]
    assert packets[3].pts is None
    assert clock.n_dropped == 2


def test_hidden_packets_do_not_move_the_clock() -> None:
    """An edit list may hide all packets from the end of one part on, and again those before the next part."""
    clock = _clock("mov")
    packets = [_Packet(dts) for dts in (0, 40, 80, 5000, -3000, 120, 160)]
    packets[3].is_discard = packets[4].is_discard = True
    assert [clock.correct(cast(Packet, packet)) for packet in packets] == [0] * 7
    assert [packet.dts for packet in packets] == [0, 40, 80, 5000, -3000, 120, 160]


@pytest.mark.parametrize("time", [2**62, -(2**62), 2**58])
def test_times_that_leave_64_bits_are_dropped_in_all_containers(time: int) -> None:
    clock = _clock("ogg")
    packets = [_Packet(0), _Packet(time), _Packet(80)]
    assert [clock.correct(cast(Packet, packet)) for packet in packets] == [0] * 3
    assert [(packet.dts, packet.pts) for packet in packets] == [(0, 0), (None, None), (80, 80)]
    assert clock.n_dropped == 2


def test_a_packet_that_a_parser_held_back_keeps_its_side_of_the_joint() -> None:
    clock = _clock("mpegts")
    packets = [_Packet(0), _Packet(0, stream_index=1), _Packet(40), _Packet(40, stream_index=1)]
    packets += [_Packet(90000), _Packet(80, stream_index=1), _Packet(90040), _Packet(90000, stream_index=1)]
    jumps = [clock.correct(cast(Packet, packet)) for packet in packets]
    assert [packet.dts for packet in packets] == [0, 0, 40, 40, 80, 80, 120, 80]
    assert [jump / 1e6 for jump in jumps if jump] == [pytest.approx(89.92)]


def test_a_stream_that_begins_past_a_joint_begins_there() -> None:
    clock = _clock("mpegts")
    for dts in (0, 40, 80):
        clock.correct(cast(Packet, _Packet(dts)))
    late = _Packet(500000, stream_index=1)
    assert clock.correct(cast(Packet, late)) == 499920000
    assert late.dts == 80
    assert clock.correct(cast(Packet, _Packet(500000))) == 0


def test_picture_alone_does_not_start_with_another_track(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "x.mkv", [Track("video", 90, "eng"), Track("video", 30, "fre"), Track("audio", 0.4)])
    late = remux(path, tmp_path / "late.mkv", shift_s=lambda packet: (0, 1.5, 1.5)[packet.stream.index])
    with_first, with_second = (
        frame_times_s(late, limits=Limits(video_track=track))[0] for track in ("0", "1")
    )  # the sound starts with the second picture
    assert (with_first, with_second) == (0, 0)
