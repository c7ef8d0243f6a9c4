"""Flags about the rows of a video between its network and its files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.media import moving_frames, waveform, write_clip
from support.program import TINY_PROGRAM, run

import featmill


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    (folder / "a").mkdir()
    for name, seconds in (("a/clip", 4.0), ("other", 2.0)):
        frames, audio = moving_frames(int(10 * seconds)), waveform(1, seconds, 8000)
        write_clip(folder / f"{name}.mp4", frames, fps=10, audio=audio)
    return folder


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
    assert "1 more were done already" in again.stdout
    refused = extract(("tiny",), videos, tmp_path, *flags)
    assert refused.returncode == 2
    assert "name_template: {type}/{stem} there, None now" in refused.stderr
