"""R(2+1)D and S3D through main.py."""

import numpy as np
import pytest
from support.program import manifest, run

from models.r21d.config import R21DConfig
from models.r21d.extractor import R21DExtractor
from utils.extractors.base import VideoStreamInfo


def extract(tmp_path, feature_type, *flags):
    return run(
        "--feature_type", feature_type, "--weights", "random", "--on_extraction", "save_numpy",
        "--output_path", tmp_path, "--file_with_video_paths", "sample/sample_video_paths.txt", *flags,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("feature_type", "size", "flags"),
    [
        ("r21d", 512, ("--stack_size", 4, "--step_size", 4, "--extraction_fps", 1)),
        ("s3d", 1024, ("--stack_size", 13, "--step_size", 13, "--extraction_fps", 2.5)),
    ],
)
def test_the_sample_clips_give_a_row_per_stack(tmp_path, feature_type, size, flags):
    result = extract(tmp_path, feature_type, *flags, "--show_pred")
    assert result.returncode == 0, result.stderr
    stack, fps = flags[1], flags[-1]
    for name in ("bouncing_shapes", "camera_pan"):
        n_windows = manifest(tmp_path / feature_type)[name]["windows"]
        rows = np.load(tmp_path / feature_type / f"{name}_{feature_type}.npy")
        assert (rows.shape, rows.dtype) == ((n_windows, size), np.float32)
        assert np.isfinite(rows).all()
        assert np.load(tmp_path / feature_type / f"{name}_fps.npy") == fps
        times_ms = np.load(tmp_path / feature_type / f"{name}_timestamps_ms.npy")
        assert len(times_ms) == n_windows and times_ms[0] == pytest.approx(1000 * (stack - 1) / fps)
        assert len([line for line in result.stdout.splitlines() if line.startswith(f"{name}.mp4 window")]) == n_windows


@pytest.mark.parametrize(("choice", "status"), [("skip", "skipped"), ("error", "failed")])
def test_a_short_video_can_be_an_error_or_skipped(choice, status):
    extractor = R21DExtractor.__new__(R21DExtractor)
    extractor.config = R21DConfig(short_video=choice)
    assert extractor.sampling(VideoStreamInfo(25.0, 240, 320)).rest(15, 0) == []
    nothing = extractor.no_windows(15, VideoStreamInfo(25.0, 240, 320))
    assert nothing.status == status and "15 frames, fewer than the 16 of one window" in nothing.reason
    extractor.config = R21DConfig(short_video=choice, align_rows="end", step_size=20)
    nothing = extractor.no_windows(15, VideoStreamInfo(25.0, 240, 320))
    assert (nothing.status, nothing.reason) == (
        "failed",
        "15 frames, fewer than the 20 from row to row; make steps shorter",
    )
