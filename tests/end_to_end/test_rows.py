"""Flags about the rows of a video between its network and its files."""

import shutil
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from support.media import moving_frames, waveform, write_clip
from support.program import TINY_PROGRAM, arrays, manifest, run

import featmill


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    (folder / "a").mkdir()
    for name, seconds in (("a/clip", 4.0), ("other", 2.0)):
        frames, audio = moving_frames(int(10 * seconds)), waveform(1, seconds, 44100)
        write_clip(folder / f"{name}.mp4", frames, fps=10, audio=audio)
    return folder


def brightness(path: Path) -> np.ndarray:
    """Return the mean of each frame."""
    with av.open(path) as container:
        return np.array([frame.to_ndarray(format="rgb24").mean() for frame in container.decode(video=0)])


def lines(folder: Path) -> list[str]:
    return (folder / "manifest.jsonl").read_text().splitlines()


def extract(types: tuple[str, ...], videos: Path, output: Path, *flags: Any) -> Any:
    return run(
        "--feature_type", *types, "--device", "cpu", "--input_dir", videos, "--output_path", output, *flags,
        program=TINY_PROGRAM,
    )  # fmt: skip


def test_names_types_and_keys_that_a_loader_wants(videos: Path, tmp_path: Path) -> None:
    flags = ("--concat", "--dtype", "float16", "--no-save_times", "--on_extraction", "save_npz")
    named = ("--name_template", "{type}/{stem}")
    done = extract(("tiny",), videos, tmp_path, *flags, *named)
    assert done.returncode == 0, done.stderr
    path = tmp_path / "tiny" / "tiny" / "clip.npz"
    saved = np.load(path)
    assert list(saved) == ["features"]
    assert (saved["features"].shape, saved["features"].dtype) == ((40, 1), np.float16)
    loaded = featmill.load(tmp_path)["a/clip"]
    np.testing.assert_array_equal(loaded["features"], saved["features"])
    assert loaded.start_s is None
    path.write_bytes(path.read_bytes()[:-1])
    again = extract(("tiny",), videos, tmp_path, *flags, *named)
    assert "1 done" in again.stdout
    assert "1 more was done already" in again.stdout


def test_types_on_the_windows_of_one_of_them_in_one_array(videos: Path, tmp_path: Path) -> None:
    types = ("tiny", "loudness")
    silent = tmp_path / "videos"
    shutil.copytree(videos, silent)
    write_clip(silent / "silent.mp4", moving_frames(4), fps=10)
    flags = ("--align", "loudness", "--align_by", "mean", "--concat")
    done = extract(types, silent, tmp_path / "out", *flags)
    assert done.returncode == 1
    assert "tiny failed: " in done.stderr
    assert "--align: loudness has no rows" in done.stderr
    aligned = arrays(tmp_path / "out")
    for name, seconds in (("a/clip", 4), ("other", 2)):
        rows = brightness(videos / f"{name}.mp4").reshape(seconds, 10).mean(1)
        joined = aligned[f"loudness/{name}_features.npy"]
        assert joined.shape == (seconds, 2)  # in the order of --feature_type
        np.testing.assert_allclose(joined[:, 0], rows, rtol=1e-3)
        np.testing.assert_array_equal(aligned[f"loudness/{name}_start_s.npy"], np.arange(seconds))
    assert not any(name.startswith("tiny/") for name in aligned)
    of_tiny = manifest(tmp_path / "out" / "tiny")["a/clip"]
    assert (of_tiny["windows"], of_tiny["reason"]) == (4, "its rows are in the array of loudness")
    loaded = featmill.load(tmp_path / "out")
    assert sorted(loaded.names) == ["a/clip", "other"] and loaded["other"].feature_type == "loudness"
    (tmp_path / "out" / "loudness" / "other_features.npy").unlink()
    extract(types, silent, tmp_path / "out", *flags)
    assert [len(lines(tmp_path / "out" / kind)) for kind in types] == [5, 5]  # the failed one is tried again, too
