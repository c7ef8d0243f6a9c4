"""Segments of audio: the same samples as of the whole, decoded from half a second before where that is exact."""

import math
from pathlib import Path

import numpy as np
import pytest
from support.media import moving_frames, remux, waveform, write_audio, write_clip

from utils.errors import VideoError
from utils.media.audio import AudioStream
from utils.media.audio_frames import SourceAudio
from utils.media.resample import resample
from utils.media.segment import Segment


def read(path: Path, rate_hz: int, segment: Segment) -> tuple[np.ndarray, AudioStream]:
    with AudioStream(path, rate_hz, segment=segment) as stream:
        blocks = list(stream)
    return np.concatenate(blocks), stream


@pytest.mark.parametrize(
    ("name", "codec", "rate", "seeks", "tolerance"),
    [
        ("x.wav", "pcm_s16le", 44100, True, 0.0),
        ("x.aiff", "pcm_s24be", 32000, True, 0.0),
        ("x.flac", "flac", 22050, True, 0.0),
        ("alac.m4a", "alac", 44100, True, 0.0),
        ("tones.m4a", "aac", 8000, True, 0.0),  # at this rate the encoder puts no noise in
        ("mp3.mp4", "libmp3lame", 44100, True, 0.0),
        ("opus.mp4", "libopus", 48000, True, 1e-4),  # it predicts from earlier audio
        ("x.mkv", "aac", 44100, False, 0.0),  # a clock of milliseconds
        ("x.mp3", "libmp3lame", 44100, False, 0.0),
    ],
)
def test_same_as_decoding_the_whole(
    tmp_path: Path,
    name: str,
    codec: str,
    rate: int,
    seeks: bool,
    tolerance: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = write_audio(tmp_path / name, waveform(1, 6.0, rate), rate, codec)
    whole, _ = read(path, rate, Segment())
    sought = []
    seek = SourceAudio._seek
    monkeypatch.setattr(SourceAudio, "_seek", lambda self: (sought.append(result := seek(self)), result)[1])
    for start_s, end_s in ((0.0, 0.5), (1.001, 1.3), (3.3335, 4.2), (4.0, 4.0001), (5.5, None)):
        ours, stream = read(path, rate, Segment(start_s, end_s))
        end = len(whole) if end_s is None else math.ceil((end_s - 1e-6) * rate)
        expected = whole[max(0, math.ceil((start_s - 1e-6) * rate)) : end]
        np.testing.assert_allclose(ours, expected, rtol=0, atol=tolerance)
        assert stream.report.samples == len(expected)
        assert (stream.report.problems, stream.report.partial) == ([], False)
    assert (sought[-1] is not None) == seeks


def test_a_segment_is_resampled_on_its_own(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "x.wav", waveform(1, 6.0, 44100), 44100)
    whole, _ = read(path, 44100, Segment())
    ours, _ = read(path, 16000, Segment(2.5, 4))
    np.testing.assert_array_equal(ours, resample(whole[110250:176400], 44100, 16000))


def test_noise_of_aac_differs_only_in_its_values(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.mp4", moving_frames(2), audio=waveform(1, 6.0, 44100))
    whole, _ = read(path, 44100, Segment())
    ours, _ = read(path, 44100, Segment(3, 5))
    expected = whole[3 * 44100 : 5 * 44100]
    assert len(ours) == len(expected)
    assert np.linalg.norm(ours - expected) < 0.05 * np.linalg.norm(expected)


def test_a_segment_that_begins_in_a_gap_begins_there(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "whole.mkv", waveform(1, 6.0, 48000), 48000, "libopus")
    holed = remux(path, tmp_path / "holed.mkv", keep=lambda packet, number: not 50 <= number < 150)  # of 0.02 s
    ours, stream = read(holed, 48000, Segment(2, 4))
    assert (stream.start_s, len(ours)) == (2.0, 96000)
    assert not ours[:40000].any()
    assert ours[48000 + 1000 :].any()


def test_a_segment_after_the_end(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "x.wav", waveform(1, 3.0, 16000), 16000)
    with AudioStream(path, 16000, segment=Segment(1e30)) as stream, pytest.raises(VideoError, match=r"3\.00 s long"):
        list(stream)
    with AudioStream(path, 16000, segment=Segment(3.5, 5)) as stream, pytest.raises(VideoError) as caught:
        list(stream)
    assert "no audio in the segment from 3.5 to 5 s: the audio is 3.00 s long" in str(caught.value)
    with pytest.raises(VideoError, match="is empty"):
        AudioStream(path, 16000, segment=Segment(2, 1))
