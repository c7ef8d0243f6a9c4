"""What a file contains, without decoding it."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from support.media import moving_frames, turn, waveform, write_audio, write_clip

from utils.errors import VideoError
from utils.media.probe import MediaInfo, probe
from utils.media.tracks import is_cover
from utils.media.video import VideoStream


def test_video_with_audio(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.mp4", moving_frames(30), fps=Fraction(30000, 1001), audio=waveform(0, 1.0, 44100))
    info = probe(turn(path, 0, -1, 1, 0))
    assert info.streams == "video h264, audio aac"
    assert (info.width, info.height) == (48, 64)
    assert info.fps == Fraction(30000, 1001)
    assert info.duration_s == pytest.approx(1.001)
    assert info.declared_frames == 30
    assert (info.audio_rate_hz, info.audio_channels) == (44100, 1)


def test_audio_alone(tmp_path: Path) -> None:
    audio = np.zeros((8000, 2), np.int16)
    assert probe(write_audio(tmp_path / "x.wav", audio, 16000)) == MediaInfo(
        has_video=False,
        has_audio=True,
        streams="audio pcm_s16le",
        width=None,
        height=None,
        fps=None,
        duration_s=0.5,
        declared_frames=None,
        audio_rate_hz=16000,
        audio_channels=2,
    )


def test_cover_art_is_not_a_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    cover = write_clip(tmp_path / "cover.jpg", moving_frames(1), codec="mjpeg", pix_fmt="yuvj420p")
    write_audio(path, waveform(0, 0.5, 44100), 44100, "libmp3lame")
    path.write_bytes(_id3_with_cover(cover.read_bytes()) + path.read_bytes())
    with av.open(str(path)) as container:
        assert [is_cover(stream) for stream in container.streams.video] == [True]
    info = probe(path)
    assert (info.has_video, info.has_audio) == (False, True)
    with pytest.raises(VideoError, match=r"no video stream \(it has: audio mp3, video mjpeg \(cover art\)\)"):
        VideoStream(path)


def _id3_with_cover(jpeg: bytes) -> bytes:
    """Return an ID3v2.3 tag holding a front cover."""
    body = b"\0image/jpeg\0\x03\0" + jpeg
    frame = b"APIC" + len(body).to_bytes(4, "big") + b"\0\0" + body
    size = len(frame)
    return b"ID3\x03\0\0" + bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0)) + frame
