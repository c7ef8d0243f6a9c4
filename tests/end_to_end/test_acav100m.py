"""--preset acav100m: the sound that ACAV100M hears, from files to layers, through main.py."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from support.door import check_same_in_python
from support.golden import case, relative_error
from support.media import moving_frames, waveform, write_clip
from support.program import run

from models.vggish.config import VGGishConfig
from models.vggish.preprocess import EXAMPLE_SAMPLES, EXAMPLE_STEP, log_mel
from utils.media.audio import AudioStream
from utils.media.audio_rules import ACAV100M, REFERENCE, AudioRules
from utils.media.segment import Segment


def samples(path: Path, rate_hz: int, rules: AudioRules, segment: Segment | None = None) -> np.ndarray:
    with AudioStream(path, rate_hz, rules=rules, segment=segment or Segment()) as stream:
        return np.concatenate(list(stream))


def test_layers_of_files_equal_acav100m(tmp_path):
    """The case allows 1e-2, for decoders and resamplers that differ between builds; priming alone would be 4e-2."""
    expected, meta = case("slowfast_e2e", "case_acav_shard")
    with tarfile.open(fileobj=io.BytesIO(expected["input_tar"].tobytes())) as shard:
        shard.extractall(tmp_path, filter="data")
    paths = [next(tmp_path.rglob(entry["filename"])) for entry in meta["input"]["shard_json"]]
    result = run(
        "--feature_type", "vggish", "--preset", "acav100m", "--layers", "--weights", "random", "--video_paths", *paths,
        "--on_extraction", "save_numpy", "--output_path", tmp_path,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    for i, path in enumerate(paths):
        for layer in range(5):
            ours = np.load(tmp_path / "vggish" / f"{path.stem}_layer_{layer}.npy")
            assert relative_error(ours, expected[f"output_{i}_audio_layer_{layer}"]) < 1e-5
    flags = {"preset": "acav100m", "layers": True, "weights": "random"}
    check_same_in_python(tmp_path / "vggish", "vggish", paths, **flags)


def test_it_hears_what_begins_in_the_first_ten_seconds(tmp_path):
    path = write_clip(tmp_path / "x.mp4", moving_frames(2), audio=waveform(3, 12.0, 44100))
    whole, ours = samples(path, 44100, REFERENCE), samples(path, 44100, ACAV100M)
    assert len(ours) == (441000 // 1024 + 1) * 1024  # the frame that is on at 10 s is heard to its end
    assert relative_error(ours[1024:], whole[2048 : 1024 + len(ours)]) < 0.1  # but for the noise that AAC puts in
    assert len(np.unique(ours * 32768 % 1)) > 1000
    part = samples(path, 44100, ACAV100M, Segment(1.0, 11.5))
    np.testing.assert_array_equal(part[:1000], ours[44100:45100])
    assert 10 < len(part) / 44100 < 10 + 1024 / 44100


@pytest.mark.parametrize(
    ("name", "rules"), [("output_examples", REFERENCE), ("output_examples_direct", AudioRules(priming="hidden"))]
)
def test_examples_with_and_without_priming_equal_the_reference(tmp_path, name, rules):
    arrays, _ = case("vggish_audio", "case_mp4_priming")
    path = tmp_path / "x.mp4"
    path.write_bytes(arrays["input_mp4"].tobytes())
    heard = torch.from_numpy(samples(path, 16000, rules))
    examples = log_mel(heard.unfold(0, EXAMPLE_SAMPLES, EXAMPLE_STEP))
    assert relative_error(examples, arrays[name]) < 1e-4


def test_a_preset_of_another_type_leaves_this_one_alone(tmp_path):
    flags = ("--feature_type", "slowfast", "vggish", "--video_paths", tmp_path / "absent.mp4", "--weights", "random")
    result = run(*flags, "--preset", "squash", "--output_path", tmp_path)
    assert "absent.mp4: no such file" in result.stderr + result.stdout
    result = run(*flags, "--preset", "squish", "--output_path", tmp_path)
    assert result.returncode == 2
    assert "did you mean squash" in result.stderr
    assert VGGishConfig(preset="acav100m").audio_rules == ACAV100M
    assert VGGishConfig(sound_clock="samples").audio_rules == AudioRules("samples")
