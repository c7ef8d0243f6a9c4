"""Damaged and hostile files: a VideoError or a report, never another error, a hang or unbounded output."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.media import moving_frames, waveform, write_audio, write_clip

from utils.errors import VideoError
from utils.media.audio import AudioStream
from utils.media.frame_times import frame_times_s
from utils.media.input import BytesFile, MediaSource
from utils.media.limits import Limits
from utils.media.probe import probe
from utils.media.segment import Segment
from utils.media.video import VideoStream, View

LIMITS = Limits(max_pixels=2**16, max_seconds=4)
NAMES = ("x.mp4", "x.mkv", "x.avi", "x.wav", "x.ts", "x.webm", "x.gif")
SEGMENTS = (Segment(), Segment(0.2, 0.5), Segment(0.3))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@cache
def sample(folder: Path, name: str) -> bytes:
    """Return a small file of half a second."""
    audio = waveform(0, 0.6, 8000)
    if name == "x.wav":
        return write_audio(folder / name, audio, 8000).read_bytes()
    codec = {"x.mp4": "libx264", "x.mkv": "libx264", "x.webm": "libvpx", "x.gif": "gif", "x.ts": "mpeg2video"}
    options = {} if name in ("x.gif", "x.webm") else {"audio": audio, "audio_rate": 8000}
    if name in ("x.avi", "x.ts"):
        options = {"audio": waveform(0, 0.6, 44100), "audio_codec": "mp2"}
    pix_fmt = "rgb8" if name == "x.gif" else "yuv420p"
    kind = codec.get(name, "mpeg4")
    write_clip(folder / name, moving_frames(15, 32, 48), codec=kind, options={"g": "5"}, pix_fmt=pix_fmt, **options)
    return (folder / name).read_bytes()


def use(source: MediaSource, segment: Segment) -> None:
    """Use a source in every way; whatever it yields is bounded."""
    views = (View(), View(30), View(7, [1, 3]))
    for fps in (None, 30):
        try:
            assert len(frame_times_s(source, fps, segment, LIMITS)) <= 200_000
        except VideoError as error:
            assert "\n" not in str(error)
    try:
        probe(source, LIMITS)
    except VideoError as error:
        assert "\n" not in str(error)
    for kept in (views, views[1:]):
        try:
            with VideoStream(source, views=kept, segment=segment, limits=LIMITS) as stream:
                n_frames = np.zeros(3, int)
                for chunk in stream:
                    n_frames[chunk.view] += len(chunk.index)
                assert n_frames[len(kept) - 2] <= 4 * 30 + 1
        except VideoError as error:
            assert "\n" not in str(error)
    try:
        with AudioStream(source, 16000, segment=segment, limits=LIMITS) as audio:
            assert sum(map(len, audio)) <= 4 * 16000 * 48
    except VideoError as error:
        assert "\n" not in str(error)


def mutated(data: bytes, changes: list[tuple[float, int, bytes]], kept: float) -> bytes:
    """Return data with bytes overwritten at places given as fractions of its start or end, and cut off."""
    out = bytearray(data)
    for place, base, new in changes:
        start = min(len(out) - 1, int(place * min(len(out), (len(out), 64, 1024)[base])))
        start = start if base < 2 else len(out) - 1 - start
        out[start : start + len(new)] = new
    return bytes(out[: max(1, int(len(out) * kept))])


WORDS = (b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0", bytes(4), bytes(8), b"\xff" * 8, b"\x01\0\0\0")
NEW = st.sampled_from(WORDS) | st.binary(min_size=1, max_size=8)
CHANGES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 2), NEW), max_size=12)
STARTS = (b"", b"RIFF\x24\0\0\0AVI LIST", b"\0\0\0\x18ftypisom", b"\x1aE\xdf\xa3", b"GIF89a", b"fLaC\0")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(NAMES), CHANGES, st.just(1.0) | st.floats(0, 1), st.sampled_from(SEGMENTS), st.booleans())
def test_mutated_files(
    folder: Path, name: str, changes: list[tuple[float, int, bytes]], kept: float, segment: Segment, in_memory: bool
) -> None:
    data = mutated(sample(folder, name), changes, kept)
    if in_memory:
        use(BytesFile(data, name), segment)
    else:
        path = folder / f"mutated-{name}"
        path.write_bytes(data)
        use(path, segment)


@settings(max_examples=40)
@given(st.sampled_from(STARTS), st.binary())
def test_random_bytes(start: bytes, data: bytes) -> None:
    use(BytesFile(start + data, "x.mp4"), Segment())
