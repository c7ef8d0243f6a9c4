"""The times of each row, for frames and audio, in formats of one file per video."""

from pathlib import Path

import numpy as np
import pytest
from support.media import moving_frames, waveform, write_clip
from support.program import TINY_PROGRAM, run


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of 20 frames in 2 s, with audio."""
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    return write_clip(path, moving_frames(20), fps=10, audio=waveform(0, 2.0, 44100))


@pytest.mark.parametrize("kind", ["save_numpy", "save_pickle"])
def test_every_row_of_frames_and_of_audio_has_its_times(tmp_path: Path, clip: Path, kind: str) -> None:
    done = run(
        "--feature_type", "tiny", "loudness", "--device", "cpu", "--video_paths", clip, "--on_extraction", kind,
        "--output_path", tmp_path, program=TINY_PROGRAM,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    expected = {
        "tiny": (np.arange(20) / 10, np.arange(20) / 10),  # windows of one frame
        "loudness": (np.arange(2.0), np.arange(1.0, 3.0)),
    }
    for name, times_s in expected.items():
        for key, values in zip(("start_s", "end_s"), times_s, strict=True):
            (path,) = (tmp_path / name).glob(f"a_{key}.*")
            found = np.load(path, allow_pickle=True)
            assert found.dtype == np.float64
            np.testing.assert_allclose(found, values, atol=1e-6)


def test_the_keys_of_npz_files_do_not_change_with_the_streams(tmp_path: Path, clip: Path) -> None:
    i3d = (
        "--feature_type",
        "i3d",
        "vggish",
        "--device",
        "cpu",
        "--weights",
        "random",
        "--stack_size",
        10,
        "--step_size",
        10,
    )
    done = run(
        *i3d, "--streams", "rgb", "--video_paths", clip, "--on_extraction", "save_npz", "--output_path", tmp_path,
        "--out", tmp_path / "all.pkl",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "i3d" / "a.npz") as file:
        assert set(file) == {"rgb", "fps", "timestamps_ms", "start_s", "end_s"}
        assert file["rgb"].shape == (1, 1024)
        np.testing.assert_allclose(file["start_s"], [0], atol=1e-6)
        np.testing.assert_allclose(file["end_s"], [1], atol=1e-6)
    with np.load(tmp_path / "vggish" / "a.npz") as file:
        assert set(file) == {"features", "start_s", "end_s"} and file["features"].shape == (2, 128)
        np.testing.assert_allclose(file["start_s"], [0, 0.96], atol=1e-6)
        np.testing.assert_allclose(file["end_s"], [0.975, 1.935], atol=1e-6)
    (entry,) = np.load(tmp_path / "all_i3d.pkl", allow_pickle=True)
    assert entry.shape == (1, 1024)
