"""Absurd claims in headers are refused or cut off, before memory or time is spent on them."""

import struct
from pathlib import Path

import numpy as np
import pytest
from support.media import box, damage, moving_frames, waveform, write_audio, write_clip

from utils.errors import VideoError
from utils.media.audio import AudioStream
from utils.media.frame_times import frame_times_s
from utils.media.input import BytesFile
from utils.media.limits import Limits
from utils.media.probe import probe
from utils.media.segment import Segment
from utils.media.video import VideoStream, View

LONGER = "it is longer than the 1 s of --max_seconds: the rest is left out"


@pytest.mark.parametrize(("fps", "n"), [(None, 25), (5, 5), (60, 60)])
def test_video_longer_than_allowed(tmp_path: Path, fps: float | None, n: int) -> None:
    path, limits = write_clip(tmp_path / "x.mp4", moving_frames(50), options={"g": "10"}), Limits(max_seconds=1)
    for segment in (Segment(), Segment(0.4), Segment(0.4, 1.9)):
        with VideoStream(path, fps, segment=segment, limits=limits) as stream:
            times_s = np.concatenate([chunk.pts_s for chunk in stream])
        assert len(times_s) == n
        np.testing.assert_allclose(times_s, frame_times_s(path, fps, segment, limits), atol=1e-9)
        assert (stream.report.problems, stream.report.partial) == ([LONGER], True)
    with VideoStream(path, fps, segment=Segment(0.4, 1.4), limits=limits) as stream:
        assert sum(len(chunk.index) for chunk in stream) == n
    assert not stream.report.partial


def test_a_frame_of_days(tmp_path: Path) -> None:
    """Repeats are bounded, and a video that ends in time is complete."""
    path = write_clip(tmp_path / "x.mkv", moving_frames(3), pts=[0, 500, 40 * 86400 * 1000])
    limits = Limits(max_seconds=3600)
    with VideoStream(path, views=(View(10), View()), limits=limits) as stream:
        n_frames = [0, 0]
        for chunk in stream:
            n_frames[chunk.view] += len(chunk.index)
    assert n_frames == [36000, 2]
    assert stream.report.problems[0] == "it is longer than the 3600 s of --max_seconds: the rest is left out"
    assert len(frame_times_s(path, 10, limits=limits)) == 36000
    one = write_clip(tmp_path / "one.mkv", moving_frames(1))
    data = one.read_bytes()
    with VideoStream(BytesFile(data, "one.mkv"), 1, limits=limits) as stream:
        assert sum(len(chunk.index) for chunk in stream) <= 3600


@pytest.mark.parametrize("timescale", [2**31 - 1, 512 * 1001])
def test_an_absurd_rate(tmp_path: Path, timescale: int) -> None:
    path = write_clip(tmp_path / "x.mp4", moving_frames(20))
    data = bytearray(path.read_bytes())
    struct.pack_into(">I", data, box(data, b"mdhd") + 12, timescale)
    path.write_bytes(data)
    fps = probe(path).fps
    assert fps is not None and fps > 1000
    with pytest.raises(VideoError, match=r"frames per second, which no video has. .*--extraction_fps"):
        VideoStream(path)
    with pytest.raises(VideoError, match="--extraction_fps"):
        VideoStream(path, views=(View(25), View()))
    with VideoStream(path, fps=25) as stream:
        assert sum(len(chunk.index) for chunk in stream) <= 1
    assert len(frame_times_s(path, 25)) <= 1
    assert len(frame_times_s(path)) == 20


def test_audio_longer_than_allowed(tmp_path: Path) -> None:
    path, limits = write_audio(tmp_path / "x.wav", waveform(0, 3.0, 16000), 16000), Limits(max_seconds=1)
    for segment in (Segment(), Segment(0.5), Segment(0.5, 2)):
        with AudioStream(path, 16000, segment=segment, limits=limits) as stream:
            assert sum(map(len, stream)) == 16000
        assert (stream.report.problems, stream.report.partial) == ([LONGER], True)
    with AudioStream(path, 16000, segment=Segment(2.5), limits=limits) as stream:
        assert sum(map(len, stream)) == 8000
    assert not stream.report.partial


def test_lost_packets_that_claim_hours(tmp_path: Path) -> None:
    """Each may be replaced by a second of silence at most, all of them within the limit."""
    path = write_clip(tmp_path / "x.mp4", moving_frames(2), audio=waveform(0, 4.0, 44100))
    data = bytearray(path.read_bytes())
    audio = data.rindex(b"stts") + 4
    struct.pack_into(">I", data, audio + 12, 2**24)  # the duration of the first run of packets
    path.write_bytes(data.replace(b"edts", b"free"))  # an edit list would end the audio after its true length
    damage(path, b"mdat", 40)
    for max_seconds in (3600, 2):
        with AudioStream(path, 16000, limits=Limits(max_seconds=max_seconds)) as stream:
            n_samples = sum(map(len, stream))
        assert stream.report.partial
        assert n_samples <= min(max_seconds, 173) * 16000
