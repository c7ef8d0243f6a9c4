"""One run of many feature types on one clip: each saves its rows, and the times of every row."""

import numpy as np
import pytest
from support.media import moving_frames, waveform, write_clip
from support.program import arrays, run

TYPES = {  # shape of the features of 36 frames in 2.4 s, with the flags below; seconds of each row
    "panns": ((8, 2048), 0.5),
    "videomae": ((2, 384), 16 / 15),
    "internvideo2": ((2, 384), 16 / 15),
    "s3d": ((2, 512), 16 / 15),
    "r21d": ((2, 512), 16 / 15),
    "i3d_r50": ((2, 1, 2048), 16 / 15),
}
FLAGS = (
    "--panns.window_s", 0.5, "--panns.hop_s", 0.25, "--panns.model_name", "cnn14_16k",
    "--videomae.model_name", "vit_small_patch16_224", "--videomae.step_size", 16,
    "--internvideo2.model_name", "S14_ft_k710_f8", "--internvideo2.num_frames", 1, "--internvideo2.step_size", 16,
    "--s3d.variant", "howto100m", "--projected", "--extraction_fps", 15, "--s3d.stack_size", 16, "--s3d.step_size", 16,
    "--r21d.model_name", "r2plus1d_18_16_tsp_activitynet",
    "--i3d_r50.variant", "baseline", "--i3d_r50.crop_type", "center", "--side_size", 64, "--crop_size", 64,
)  # fmt: skip


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    folder = tmp_path_factory.mktemp("types")
    clip = write_clip(folder / "clip.mp4", moving_frames(36), fps=15, audio=waveform(1, 2.4, 44100))
    result = run(
        "--feature_type", *TYPES, *FLAGS, "--weights", "random", "--device", "cpu", "--video_paths", clip,
        "--on_extraction", "save_numpy", "--output_path", folder / "out",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return arrays(folder / "out")


@pytest.mark.parametrize("name", TYPES)
def test_each_type_has_rows_with_times(name: str, saved: dict[str, np.ndarray]) -> None:
    shape, seconds = TYPES[name]
    features, start_s, end_s = (saved[f"{name}/clip_{key}.npy"] for key in (name, "start_s", "end_s"))
    assert (features.shape, features.dtype) == (shape, np.float32)
    assert np.isfinite(features).all() and features.std() > 0
    assert (len(start_s), len(end_s)) == (len(features), len(features))
    between_ends = seconds if name == "panns" else seconds - 1 / 15  # of frames, the beginnings
    np.testing.assert_allclose(end_s - start_s, between_ends, atol=0.001)
