"""A sample clip through main.py with random weights: one run for all types whose output this file looks at."""

from pathlib import Path

import numpy as np
import pytest
from support.program import arrays, manifest, run

SMALL = {"side_size": 64, "crop_size": 64}
FLAGS = {
    "i3d_r50": SMALL | {"crop_type": "center"},
    "pwc": {"side_size": 48, "extraction_fps": 1.5, "flow_dtype": "float16"},
    "raft": {"side_size": 128, "extraction_fps": 0.5},
    "slowfast": {"whole_video": True},
    "slowonly": SMALL | {"num_clips": 2},
    "swin": SMALL | {"crop_type": "center"},
    "tsn": SMALL | {"num_clips": 3, "show_pred": True},
    "vggish": {"layers": True},
}
ROWS = {"i3d_r50": (1, 2048), "swin": (1, 768)}  # the shape of a row for each clip
WHOLE = {"slowfast": (1, 2304), "slowonly": (2048,), "tsn": (2048,)}  # the shape of the array
LAYERS = (64, 128, 256, 512, 128)  # numbers of each layer of VGGish


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """What main.py printed, and the folder of its outputs."""
    folder = tmp_path_factory.mktemp("sample")
    flags = []
    for name, own in FLAGS.items():
        for key, value in own.items():
            flags += [f"--{name}.{key}"] if value is True else [f"--{name}.{key}", value]
    result = run(
        "--feature_type", *FLAGS, *flags, "--weights", "random", "--video_paths", "sample/bouncing_shapes.mp4",
        "--on_extraction", "save_numpy", "--output_path", folder,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "FEATURES MEAN NOTHING" in result.stderr
    return result, folder


def saved(folder: Path, name: str) -> dict[str, np.ndarray]:
    """Return the arrays of a type, by key."""
    found = {path.removeprefix("bouncing_shapes_"): array for path, array in arrays(folder / name).items()}
    return {path.removesuffix(".npy"): array for path, array in found.items()}


@pytest.mark.parametrize("name", ROWS)
def test_every_clip_has_a_row_and_a_time(done, name):
    found = saved(done[1], name)
    features, times_ms = found[name], found["timestamps_ms"]
    assert (features.shape, features.dtype) == ((len(times_ms), *ROWS[name]), np.float32)
    assert np.isfinite(features).all()
    assert (np.diff(times_ms) > 0).all()


@pytest.mark.parametrize("name", WHOLE)
def test_the_video_has_one_row(done, name):
    features = saved(done[1], name)[name]
    assert (features.shape, features.dtype) == (WHOLE[name], np.float32)
    assert np.isfinite(features).all()


def test_predictions_of_tsn_are_printed_and_one_row_for_the_whole_video_has_no_time(done):
    result, folder = done
    assert manifest(folder / "tsn")["bouncing_shapes"]["windows"] == 3
    assert result.stdout.count("bouncing_shapes.mp4 window") == 3
    assert not list((folder / "tsn").glob("*_timestamps_ms.npy"))


def test_vggish_gives_the_mean_of_its_examples_for_each_layer(done):
    found = saved(done[1], "vggish")
    assert {name: array.shape for name, array in found.items()} == {
        f"layer_{i}": (size,) for i, size in enumerate(LAYERS)
    }
    assert all(array.dtype == np.float32 and np.isfinite(array).all() for array in found.values())


def test_raft_gives_a_flow_per_pair_and_a_time_per_frame(done):
    found = saved(done[1], "raft")
    flow, times_ms = found["raft"], found["timestamps_ms"]
    assert flow.shape[1:3] == (2, 128) and len(flow) == len(times_ms) - 1 > 1 and flow.dtype == np.float32
    assert np.isfinite(flow).all()


def test_pwc_gives_a_flow_per_pair_and_a_time_per_frame(done):
    _, folder = done
    found = saved(folder, "pwc")
    flow, times_ms = found["pwc"], found["timestamps_ms"]
    n_frames = len(times_ms)
    assert n_frames > 5 and flow.shape == (n_frames - 1, 2, 48, 64) and flow.dtype == np.float16
    assert np.isfinite(flow).all() and found["fps"] == 1.5
    np.testing.assert_allclose(times_ms, 1000 / 1.5 * np.arange(n_frames))
    assert manifest(folder / "pwc")["bouncing_shapes"]["windows"] == n_frames - 1
    assert {path.suffix for path in (folder / "pwc").iterdir() if path.is_file()} == {".npy", ".json", ".jsonl"}
