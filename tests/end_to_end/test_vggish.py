"""VGGish through main.py: from audio and video files to features, by either backend, post-processed or not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import resampy
import torch
from support.golden import GOLDEN, case, relative_error
from support.media import waveform, write_audio
from support.program import ROOT, manifest, run

from models.vggish.postprocess import Postprocessor
from models.vggish.preprocess import EXAMPLE_SAMPLES, EXAMPLE_STEP, SAMPLE_RATE_HZ, log_mel
from models.vggish.weights import random_vggish

CLIP = ROOT / "sample" / "bouncing_shapes.mp4"  # 6.56 s
PCA = GOLDEN / "vggish_postprocess" / "vggish_pca_params.npz"
RATE_HZ = 44100
CODECS = {"wav": "pcm_s16le", "mp3": "libmp3lame", "m4a": "aac", "flac": "flac"}


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    """Two seconds of stereo, int16 [n, 2]."""
    channels = [waveform(seed, 2.0, RATE_HZ) for seed in (5, 6)]
    return np.round(np.stack(channels, axis=1) * 32767).astype(np.int16)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory, sound: np.ndarray) -> dict[str, Path]:
    """The same audio in four formats, and a sample clip."""
    folder = tmp_path_factory.mktemp("sounds")
    encoded = {
        suffix: write_audio(folder / f"{suffix}.{suffix}", sound, RATE_HZ, codec) for suffix, codec in CODECS.items()
    }
    (folder / "golden.mp4").write_bytes(case("vggish_audio", "case_mp4_priming")[0]["input_mp4"].tobytes())
    return {**encoded, "golden": folder / "golden.mp4", "clip": CLIP}


def extract(folder: Path, paths: list[Path], *flags: Any) -> dict[str, np.ndarray]:
    """Return the saved features by suffix, those of the clip as "clip"."""
    result = run(
        "--feature_type", "vggish", "--device", "cpu", "--weights", "random", "--video_paths", *paths,
        "--on_extraction", "save_numpy", "--output_path", folder, *flags,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert {line["status"] for line in manifest(folder / "vggish").values()} == {"done"}
    names = [path.name for path in (folder / "vggish").glob("*.npy")]
    kinds = ("vggish", "start_s", "end_s")  # audio has no fps
    assert set(names) == {f"{path.stem}_{kind}.npy" for path in paths for kind in kinds}
    return {
        "clip" if path == CLIP else path.stem: np.load(folder / "vggish" / f"{path.stem}_vggish.npy") for path in paths
    }


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory, paths: dict[str, Path]) -> dict[str, np.ndarray]:
    return extract(tmp_path_factory.mktemp("torch"), list(paths.values()))


@pytest.fixture(scope="module")
def direct(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings and pre-activations [2, 128] of the WAV file's samples, without decoder, windows or batches."""
    mono = (sound / 32768).mean(axis=1)
    samples = resampy.resample(mono, RATE_HZ, SAMPLE_RATE_HZ).astype(np.float32)
    starts = range(0, len(samples) - EXAMPLE_SAMPLES + 1, EXAMPLE_STEP)
    examples = torch.stack([torch.from_numpy(samples[start : start + EXAMPLE_SAMPLES]) for start in starts])
    with torch.inference_mode():
        embedding, preactivation = random_vggish()(log_mel(examples))
    return embedding.numpy(), preactivation.numpy()


def test_features_equal_those_of_the_decoded_samples(
    features: dict[str, np.ndarray], direct: tuple[np.ndarray, np.ndarray]
) -> None:
    assert features["wav"].dtype == np.float32
    assert features["wav"].min() >= 0
    assert relative_error(features["wav"], direct[0]) < 1e-4


def test_a_golden_video_gives_what_the_reference_hears(features: dict[str, np.ndarray]) -> None:
    """With the encoder's priming, which shifts the sound: its examples, put through the same network."""
    examples = torch.from_numpy(case("vggish_audio", "case_mp4_priming")[0]["output_examples"])
    with torch.inference_mode():
        expected = random_vggish()(examples)[0].numpy()
    assert relative_error(features["golden"], expected) < 1e-4


def test_every_format_and_a_video_are_read(features: dict[str, np.ndarray]) -> None:
    np.testing.assert_array_equal(features["flac"], features["wav"])  # lossless
    for name in ("mp3", "m4a"):  # lossy, and shifted by the encoder delay
        assert features[name].shape == (2, 128)
        assert relative_error(features[name], features["wav"]) < 0.5
    assert features["clip"].shape == (6, 128)
    assert all(np.isfinite(array).all() for array in features.values())


def test_tensorflow_gives_the_same_features(
    tmp_path: Path, paths: dict[str, Path], features: dict[str, np.ndarray]
) -> None:
    ours = extract(tmp_path, [paths["clip"], paths["wav"]], "--vggish_backend", "tf")
    for name, array in ours.items():
        assert array.dtype == np.float32
        assert relative_error(array, features[name]) < 1e-4


def test_postprocessed_features_are_bytes(
    tmp_path: Path, paths: dict[str, Path], direct: tuple[np.ndarray, np.ndarray]
) -> None:
    flags = ("--preactivation", "--postprocess", "--vggish_pca_path", PCA)
    levels = extract(tmp_path, [paths["wav"], paths["clip"]], *flags)
    assert levels["wav"].dtype == levels["clip"].dtype == np.uint8
    assert levels["clip"].shape == (6, 128)
    steps = levels["wav"].astype(int) - Postprocessor.load(PCA)(direct[1])
    assert np.abs(steps).max() <= 1  # a value on the edge between two levels may fall to either side
    assert (steps != 0).mean() < 0.02
    assert "pca" in manifest(tmp_path / "vggish")["wav"]["weights"]
