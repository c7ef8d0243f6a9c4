"""Gaps, overlaps and late starts of sound: samples at the times that the container says."""

import struct
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from support.media import join, moving_frames, remux, waveform, write_audio, write_clip

from utils.media.audio import AudioStream
from utils.media.audio_gaps import FrameOrSilence, GapFiller, ShortGaps
from utils.media.audio_rules import AudioRules
from utils.media.limits import Limits
from utils.media.segment import Segment
from utils.media.video import VideoStream

RATE = 16000
SAMPLES = AudioRules(clock="samples")


def read(path: Path, rate_hz: int = RATE, **options) -> tuple[np.ndarray, AudioStream]:
    with AudioStream(path, rate_hz, **options) as stream:
        return np.concatenate(list(stream)), stream


def frames(times: Iterable[int | None], n: int = 160) -> list[FrameOrSilence]:
    """Return frames of n samples with these times; None stands for a lost packet's silence."""
    made: list[FrameOrSilence] = []
    for time in times:
        frame = av.AudioFrame(format="s16", layout="mono", samples=n)
        frame.sample_rate, frame.pts, frame.time_base = RATE, time, Fraction(1, RATE)
        made.append(np.zeros(n, np.float32) if time is None else frame)
    return made


def filled(times: Iterable[int | None]) -> tuple[list[tuple[int, int, bool]], GapFiller]:
    """Return (samples, skipped, whether it fills a gap) of each piece."""
    filler = GapFiller(Fraction(1, RATE))
    return [(h.samples, h.skipped, h.fills_gap) for h in filler.fill(iter(frames(times)))], filler


def alike(ours: np.ndarray, around: np.ndarray) -> bool:
    """Return whether `around` holds the same sound somewhere, but for what a codec makes of noise."""
    windows = np.lib.stride_tricks.sliding_window_view(around, len(ours))
    return max(np.corrcoef(ours, window)[0, 1] for window in windows) > 0.9


PLAIN = (160, 0, False)


def test_what_follows_without_a_gap_stays() -> None:
    for times in (range(0, 16000, 160), [0, 160, None, 480], [0, 165, 310, 490, 630], [7, 167, 327]):
        pieces, filler = filled(times)
        assert pieces == [PLAIN] * len(pieces)
        assert (filler.n_gaps, filler.overlap_s) == (0, 0)


def test_a_gap_is_silence() -> None:
    pieces, filler = filled([0, 160, 16000, 16160, 36160, 36320, 36480])
    expected = [PLAIN] * 2 + [(15680, 0, True)] + [PLAIN] * 2 + [(19840, 0, True)] + [PLAIN] * 3
    assert pieces == expected
    assert (filler.n_gaps, filler.silence_s) == (2, pytest.approx((15680 + 19840) / RATE))


def test_a_time_that_stands_still_is_none() -> None:
    pieces, filler = filled([0] * 20 + [3200] * 20)
    assert pieces == [PLAIN] * 40 and filler.overlap_s == 0


def test_a_gap_of_hours_comes_in_pieces() -> None:
    pieces, _ = filled([0, 160, 16000 * 25 + 320, 16000 * 25 + 480])
    assert [samples for samples, *_ in pieces[2:5]] == [160000, 160000, 80000]


def test_small_gaps_add_up() -> None:
    """Each packet comes 20 ms late: from 0.1 s on the sum is mended."""
    pieces, filler = filled(range(0, 12 * 480, 480))
    assert [samples for samples, _, fills in pieces if fills] == [1920]
    assert filler.n_gaps == 1


MS = Fraction(1, 1000)


@pytest.mark.parametrize(
    ("missing_ms", "unit_s", "expected"),
    [
        ((0, 1, 0, 21, 20, 21), MS, (1, 20)),
        ((0, 20, 40, 60), MS, (3, 60)),
        ((0, 30, 1, 0), MS, (0, 0)),  # an inexact time
        (
            (0, -5, -10, -15, 0, -5, -10, -15, 1),
            MS,
            (0, 0),
        ),  # made up, right again once per block
        ((0, -5, -10, -15, 20, 15, 10, 5, 21), MS, (1, 16)),
        ((0, 8, 0, 9), MS, (1, 9)),
        ((0, 8, 16, 24), Fraction(1, 100), (0, 0)),  # a coarse clock
    ],
)
def test_short_gaps(missing_ms: tuple[int, ...], unit_s: Fraction, expected: tuple[int, int]) -> None:
    gaps = ShortGaps(unit_s)
    for missing in missing_ms:
        gaps.push(missing / 1000, 0.01)
    assert gaps.found() == (expected[0], pytest.approx(expected[1] / 1000))


def test_times_that_may_be_a_frame_late() -> None:
    """As of LPCM in VOB files: they move between their own place and a frame later, again and again."""
    gaps = ShortGaps(MS, may_be_late=True)
    for missing in (0, 9, 5, 0, 9, 3, 18, 12, 10, 18):  # from 18 on, a frame is missing
        gaps.push(missing / 1000, 0.01)
        assert gaps.found()[0] == (missing > 9 or gaps.found()[0] == 1)
    assert gaps.found() == (1, pytest.approx(0.008))


def write_laced(source: Path, path: Path, n_laced: int) -> Path:
    """Copy the Vorbis packets of a file into a Matroska file in which only each n-th has a time (RFC 9559, 5.1.3)."""

    def element(name: str, content: bytes) -> bytes:
        return bytes.fromhex(name) + (1 << 56 | len(content)).to_bytes(8) + content

    with av.open(str(source)) as container:
        stream = container.streams.audio[0]
        packets = [packet for packet in container.demux() if packet.size]
        audio = element("e1", element("b5", struct.pack(">d", stream.rate)) + element("9f", bytes([stream.channels])))
        track = element("d7", b"\1") + element("73c5", b"\1") + element("83", b"\2") + element("86", b"A_VORBIS")
        track += element("63a2", cast(bytes, stream.codec_context.extradata)) + audio
    clusters = b""
    for first in range(0, len(packets), n_laced):
        block = packets[first : first + n_laced]
        sizes = b"".join(b"\xff" * (packet.size // 255) + bytes([packet.size % 255]) for packet in block[:-1])
        laced = b"\x81\0\0\x02" + bytes([len(block) - 1]) + sizes + b"".join(map(bytes, block))
        time = round((cast(int, block[0].pts) - cast(int, packets[0].pts)) * block[0].time_base * 1000)
        clusters += element("1f43b675", element("e7", time.to_bytes(4)) + element("a3", laced))
    segment = element("1549a966", b"") + element("1654ae6b", element("ae", track)) + clusters
    path.write_bytes(element("1a45dfa3", element("4282", b"matroska")) + element("18538067", segment))
    return path


def test_times_of_laced_packets_show_no_gap(tmp_path: Path) -> None:
    """Matroska has one time for the packets of a block; those of the others add up durations in whole milliseconds."""
    sound = np.stack([waveform(1, 4.0, 48000)] * 2, axis=1)
    plain = write_audio(tmp_path / "plain.mkv", sound, 48000, "vorbis")
    expected, stream = read(plain)
    assert stream.report.problems == []
    ours, stream = read(write_laced(plain, tmp_path / "laced.mkv", 40))
    np.testing.assert_array_equal(ours[:63900], expected[:63900])  # how much of the last packet is padding is not kept
    assert stream.report.problems == []


def test_overlaps_are_left_out() -> None:
    pieces, filler = filled([*range(0, 16000, 160), *range(16000 - 2000, 20000, 160)])
    assert sum(samples - skipped for samples, skipped, _ in pieces) == 14000 + 38 * 160
    assert [piece for piece in pieces if piece != PLAIN] == [(160, 80, False)]
    assert filler.overlap_s == 2000 / RATE


@pytest.mark.parametrize("wrong", [10**9, 5000, -(10**9)])
def test_a_single_damaged_time_changes_nothing(wrong: int) -> None:
    pieces, filler = filled([0, 160, wrong, 480, 640, wrong])
    assert pieces == [PLAIN] * 6
    assert filler.n_gaps == 0


def test_packets_far_apart_are_silence_up_to_a_second() -> None:
    """As discontinuous Opus sends them; a header that claims hours for each packet is not believed."""
    pieces, _ = filled([0, 160, 6560, 12960, 19360, 19520])
    assert sum(samples for samples, *_ in pieces) == 19680
    pieces, filler = filled(range(0, 10**9, 10**8))
    assert pieces == [PLAIN] * 10
    assert filler.n_gaps == 0


@pytest.mark.parametrize("name", ["x.webm", "x.ts", "x.mp4", "x.ogg", "x.flv"])
def test_a_gap_keeps_later_sound_at_its_time(tmp_path: Path, name: str) -> None:
    codec, rate = {"x.webm": ("libopus", 48000), "x.ogg": ("libopus", 48000)}.get(name, ("aac", 44100))
    whole = write_audio(tmp_path / f"whole{Path(name).suffix}", waveform(1, 5.0, rate), rate, codec)
    path = remux(whole, tmp_path / name, lambda packet, _: not 1 <= cast(int, packet.dts) * packet.time_base < 3)
    expected, _ = read(whole)
    ours, stream = read(path)
    assert len(ours) == pytest.approx(len(expected), abs=0.03 * RATE)
    assert not ours[int(1.1 * RATE) : int(2.9 * RATE)].any()
    start, n = int(3.2 * RATE), int(1.5 * RATE)
    assert alike(ours[start : start + n], expected[start - 40 : start + n + 40])  # clocks of milliseconds
    assert stream.report.problems == ["sound is missing for 2.00 s in 1 place: silence there"] or name != "x.webm"
    assert any("silence there" in problem for problem in stream.report.problems)
    assert not stream.report.partial
    bare, stream = read(path, rules=SAMPLES)
    assert (len(bare), stream.report.problems) == (pytest.approx(len(ours) - 2 * RATE, abs=0.03 * RATE), [])


@pytest.mark.parametrize("late_s", [0.3, 1.5])
@pytest.mark.parametrize("late", ["sound", "picture"])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "flv"])
def test_a_stream_that_starts_later_starts_later(tmp_path: Path, suffix: str, late: str, late_s: float) -> None:
    kind = {"sound": "audio", "picture": "video"}[late]
    together = write_clip(tmp_path / f"x.{suffix}", moving_frames(100), audio=waveform(1, 4.0, 44100))
    path = remux(together, tmp_path / f"late.{suffix}", shift_s=lambda p: late_s * (p.stream.type == kind))
    expected, _ = read(together)
    ours, stream = read(path)
    with VideoStream(path) as video:
        times_s = np.concatenate([chunk.pts_s for chunk in video])
    sound_s, picture_s = (late_s, 0) if late == "sound" else (0, late_s)
    assert stream.start_s == pytest.approx(sound_s, abs=0.1)
    assert times_s[0] == pytest.approx(picture_s, abs=0.1)
    assert len(ours) == pytest.approx(len(expected), abs=2)
    assert (stream.report.problems, video.report.problems) == ([], [])
    part, stream = read(path, segment=Segment(1.0, 3.0))
    first_s = max(1.0, sound_s)
    assert stream.start_s == pytest.approx(first_s, abs=0.1)
    np.testing.assert_allclose(len(part) / RATE, 3.0 - stream.start_s, atol=1e-3)
    start = round((stream.start_s - read(path)[1].start_s) * RATE)
    assert alike(part[100:8000], ours[start : start + 8100])
    with VideoStream(path, segment=Segment(1.0, 3.0)) as video:
        inside_s = np.concatenate([chunk.pts_s for chunk in video])
    np.testing.assert_allclose(inside_s, times_s[(times_s > 1 - 1e-6) & (times_s < 3 - 1e-6)], atol=1e-9)
    assert read(path, rules=SAMPLES)[1].start_s == 0


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "flv", "avi", "webm"])
def test_streams_that_start_together_start_at_zero(tmp_path: Path, suffix: str) -> None:
    """Priming and B-frames make the containers' times differ by up to 0.13 s here."""
    webm: dict[str, Any] = {"codec": "libvpx", "audio_codec": "libopus"} if suffix == "webm" else {}
    codec: dict[str, Any] = {"avi": {"codec": "mpeg4", "audio_codec": "libmp3lame"}}.get(suffix, webm)
    rate = 48000 if suffix == "webm" else 8000
    path = write_clip(
        tmp_path / f"x.{suffix}", moving_frames(25), audio=waveform(1, 1.0, rate), audio_rate=rate, **codec
    )
    with VideoStream(path) as video:
        assert next(iter(video)).pts_s[0] == 0
    _, stream = read(path)
    assert (stream.start_s, stream.report.problems) == (0, [])


def test_limits_count_silence(tmp_path: Path) -> None:
    whole = write_audio(tmp_path / "whole.mkv", waveform(1, 4.0, 48000), 48000, "libopus")
    path = remux(whole, tmp_path / "x.mkv", shift_s=lambda packet: 3600.0 * (cast(int, packet.pts) > 2000))
    ours, stream = read(path, limits=Limits(max_seconds=60))
    assert len(ours) == 60 * RATE
    assert stream.report.problems[0] == "it is longer than the 60 s of --max_seconds: the rest is left out" or (
        "silence" in stream.report.problems[0]
    )
    assert stream.report.partial


def test_sound_goes_on_past_a_joint(tmp_path: Path) -> None:
    parts = [write_audio(tmp_path / f"{i}.ts", waveform(i, 2.0, 48000), 48000, "mp2") for i in (1, 2)]
    ours, stream = read(join(tmp_path / "x.ts", *parts))
    alone = [read(part)[0] for part in parts]
    assert len(ours) == pytest.approx(sum(map(len, alone)), abs=2)
    assert alike(ours[-20000:-500], alone[1][-20100:])
    assert len(stream.report.problems) == 1
    assert "its clock goes back by 2.0" in stream.report.problems[0]
