"""Audio of generated files: the reference's waveform to the sample; any container; damaged or short files."""

import wave
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
import resampy
import soundfile
from support.golden import case, relative_error
from support.media import cut, damage, hide_start, moving_frames, waveform, write_audio, write_clip

from utils.errors import VideoError
from utils.media.audio import AudioStream, to_16_bit


def read(path: Path, rate_hz: int = 16000, block_s: float = 10.0) -> tuple[np.ndarray, AudioStream]:
    """Return all of the audio, and the stream."""
    with AudioStream(path, rate_hz, block_s) as stream:
        blocks = list(stream)
    assert all(block.dtype == np.float32 and block.ndim == 1 and len(block) for block in blocks)
    return np.concatenate(blocks), stream


def test_more_channels_than_pyav_counts(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000, layout="hexadecagonal", options={"b": "512k"})
        samples = waveform(1, 0.5, 48000)
        for start in range(0, 23552, 1024):
            block = samples[start : start + 1024].repeat(16)[None]
            frame = av.AudioFrame.from_ndarray(block, format="flt", layout="hexadecagonal")
            frame.sample_rate, frame.pts = 48000, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    ours, stream = read(path, 48000)
    assert relative_error(ours[1024:23552], samples[:22528]) < 0.5  # of a lossy codec
    assert not stream.report.problems


@pytest.mark.parametrize("name", ["case_16k_mono", "case_8k_mono", "case_44k_stereo", "case_48k_mono"])
def test_golden_waveforms(tmp_path: Path, name: str) -> None:
    arrays, meta = case("vggish_audio", name)
    recipe = meta["input"]
    seeds = range(recipe["seed"], recipe["seed"] + recipe["channels"])
    audio = np.stack([waveform(seed, recipe["seconds"], recipe["rate"]) for seed in seeds], 1)
    pcm = np.round(audio * 32767).astype(np.int16)
    if zlib.crc32(pcm.tobytes()) != recipe["crc32"]:  # another libm may flip single bits
        pytest.fail("the recipe's waveform differs on this machine")
    ours, stream = read(write_audio(tmp_path / "x.wav", pcm, recipe["rate"]), block_s=0.7)
    assert relative_error(ours, arrays["output_resampled"]) < 1e-6
    assert (stream.report.samples, stream.report.rate_hz) == (recipe["samples"], recipe["rate"])
    assert not stream.report.partial


def test_golden_mp4_keeps_the_priming(tmp_path: Path) -> None:
    arrays, meta = case("vggish_audio", "case_mp4_priming")
    path = tmp_path / "x.mp4"
    path.write_bytes(arrays["input_mp4"].tobytes())
    ours, stream = read(path)
    n = meta["audio"]["wav_samples_reference"]
    assert stream.report.samples == n == 115712
    assert len(ours) == int(n * 16000 / 44100)


def test_a_long_edit_is_honoured_as_it_is_for_frames(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.mp4", moving_frames(50), audio=waveform(0, 2.0, 44100))
    whole, _ = read(path, 44100)
    shown, stream = read(hide_start(path, 0.5), 44100)
    hidden = 1024 + 22050
    np.testing.assert_array_equal(shown, whole[hidden:])
    assert not stream.report.partial


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("x.mkv", "libopus", 48000),
        ("x.aiff", "pcm_s24be", 32000),
        ("x.mp3", "libmp3lame", 44100),
        ("x.flac", "flac", 22050),
    ],
)
def test_any_codec(tmp_path: Path, name: str, codec: str, rate: int) -> None:
    audio = waveform(3, 1.5, rate)
    ours, stream = read(write_audio(tmp_path / name, audio, rate, codec), rate)
    assert abs(len(ours) - len(audio)) < 2500
    n = min(len(ours), len(audio))
    assert relative_error(ours[:n], audio[:n]) < 0.35  # these codecs drop the noise, and keep the time
    assert not stream.report.partial


@pytest.mark.parametrize(
    ("subtype", "suffix"), [("PCM_16", "wav"), ("PCM_24", "wav"), ("FLOAT", "wav"), ("PCM_16", "flac")]
)
def test_files_are_read_as_soundfile_reads_them(tmp_path: Path, subtype: str, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    audio = np.stack([waveform(seed, 0.5, 16000) for seed in (1, 2)], 1)
    soundfile.write(path, audio, 16000, subtype=subtype)
    expected, rate = soundfile.read(path)
    ours, _ = read(path)
    assert rate == 16000
    np.testing.assert_allclose(ours, expected.mean(1), atol=1 / 32768)


def test_channels_are_averaged_before_resampling(tmp_path: Path) -> None:
    audio = np.stack([waveform(seed, 1.0, 48000) for seed in range(6)], 1)
    pcm = np.round(audio * 32767).astype(np.int16)
    ours, _ = read(write_audio(tmp_path / "x.wav", pcm, 48000))
    mono = (pcm / 32768).mean(axis=1)
    assert relative_error(ours, resampy.resample(mono, 48000, 16000)) < 1e-6


def test_samples_become_those_of_16_bits(tmp_path: Path) -> None:
    loud = np.array([0.0, 0.5, 1.0, -1.0, 1.7, -2.0, 1.5 / 32768, 2.5 / 32768, np.nan], np.float32)
    expected = [0, 16384, 32767, -32768, 32767, -32768, 2, 2, 0]  # halves go to the even side
    np.testing.assert_array_equal(to_16_bit(loud), expected)
    np.testing.assert_array_equal(to_16_bit(loud.astype(np.float64)), expected)
    np.testing.assert_array_equal(to_16_bit(np.array([0, 128, 255], np.uint8)), [-32768, 0, 32512])
    np.testing.assert_array_equal(to_16_bit(np.array([-1, 65535, 1 << 30], np.int32)), [-1, 0, 16384])
    ours, _ = read(write_audio(tmp_path / "x.wav", np.tile(loud[:-1], 500), 16000, "pcm_f32le"))
    np.testing.assert_array_equal(ours[:8] * 32768, expected[:-1])


def test_blocks_are_bounded(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "x.wav", waveform(0, 5.0, 44100), 44100)
    with AudioStream(path, 16000, block_s=0.5) as stream:
        lengths = [len(block) for block in stream]
    assert max(lengths) < 0.7 * 16000
    assert sum(lengths) == 80000
    assert stream.report.duration_s == pytest.approx(5.0)


def test_no_audio_stream_says_what_there_is(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.mp4", moving_frames(3))
    with pytest.raises(VideoError) as caught:
        AudioStream(path, 16000)
    expected = f"{path}: no audio stream (it has: video h264). For frames use a video feature type such as i3d."
    assert str(caught.value) == expected


@pytest.mark.parametrize("n", [0, 1])
def test_no_sample_at_all(tmp_path: Path, n: int) -> None:
    """One sample at 44.1 kHz is less than one at 16 kHz."""
    path = tmp_path / "x.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 44100, n, "NONE", ""))
        file.writeframes(bytes(2 * n))
    with AudioStream(path, 16000) as stream, pytest.raises(VideoError, match=r"audio stream .* is empty"):
        list(stream)


def test_damage_keeps_the_time_and_is_reported(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.mp4", moving_frames(2), audio=waveform(0, 4.0, 44100))
    whole, _ = read(path)
    ours, stream = read(damage(path, b"mdat", 40))
    assert len(ours) == len(whole)
    assert stream.report.partial
    assert "packets do not decode" in stream.report.problems[0]


def test_cut_file_is_partial(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "x.mp4",
        moving_frames(100, 96, 128),
        audio=waveform(0, 4.0, 44100),
        muxer_options={"movflags": "faststart"},
    )
    whole, _ = read(path)
    ours, stream = read(cut(path, 0.6))
    assert 8000 < len(ours) < len(whole)
    assert stream.report.partial
    assert "packets are in the file" in stream.report.problems[-1]
