"""I3D through main.py: from a video file and checkpoint files to the reference's features."""

import hashlib
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image
from support.device import DEVICE
from support.door import check_same_in_python
from support.golden import case, moving_frames, relative_error, write_checkpoint
from support.program import manifest, run

from models.i3d.config import I3DConfig
from models.i3d.extractor import I3DExtractor
from utils.extractors.base import VideoStreamInfo
from utils.media.video import VideoStream
from utils.worker.window_builder import WindowBuilder

RGB_TOLERANCE = 1e-4
MOST_FLIPPED = 1e-3  # of the levels may be the next one: a flow may sit on the edge between two
FLOW_TOLERANCE = 3e-4  # as the cases' meta says: a flow off by 1e-5 relative costs 3e-5


@pytest.fixture(scope="module")
def weights_dir(tmp_path_factory):
    """Checkpoints with seeded weights under their published names."""
    folder = tmp_path_factory.mktemp("weights")
    for name, model in (
        ("i3d_rgb.pt", "i3d_rgb"),
        ("i3d_flow.pt", "i3d_flow"),
        ("raft-sintel.pth", "raft"),
        ("pwc_net_sintel.pt", "pwc"),
    ):
        write_checkpoint(folder / name, model)
    return folder


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """The small video of case_video_120x160, and its recorded features."""
    arrays, _ = case("i3d_pipeline", "case_video_120x160")
    path = tmp_path_factory.mktemp("video") / "waves.mp4"
    path.write_bytes(arrays["input_mp4"].tobytes())
    return path, arrays


def extract(tmp_path, video_path, weights_dir, *flags):
    result = run(
        "--feature_type", "i3d", "--stack_size", 16, "--video_paths", video_path, "--weights_dir", weights_dir,
        "--on_extraction", "save_numpy", "--output_path", tmp_path, *flags,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return {path.stem.split("_", 1)[1]: np.load(path) for path in (tmp_path / "i3d").glob("*.npy")}


def test_rgb_features_equal_the_reference_and_kept_frames_are_the_sampled_ones(tmp_path, video, weights_dir):
    path, expected = video
    flags = ("--step_size", 16, "--streams", "rgb", "--keep_frames", "--tmp_path", tmp_path / "tmp")
    ours = extract(tmp_path / "out", path, weights_dir, *flags)
    assert set(ours) == {"rgb", "fps", "timestamps_ms", "start_s", "end_s"}
    assert relative_error(ours["rgb"], expected["output_rgb_16_16"]) < RGB_TOLERANCE
    assert ours["fps"] == expected["output_fps"]
    np.testing.assert_allclose(ours["timestamps_ms"], expected["output_timestamps_ms_16_16"])
    line = manifest(tmp_path / "out" / "i3d")["waves"]
    assert (line["status"], line["decoded"], line["windows"], line["repeated"]) == ("done", 34, 2, 0)
    assert len(line["weights"]["i3d_rgb"]) == 64
    kept = sorted((tmp_path / "tmp" / "i3d" / "waves").iterdir())
    assert [file.name for file in kept] == [f"{i:06d}.png" for i in range(34)]
    np.testing.assert_array_equal(np.asarray(Image.open(kept[0])), expected["output_frame_0"])
    with VideoStream(path) as stream:
        times_s = np.concatenate([chunk.pts_s for chunk in stream])
    np.testing.assert_allclose(1000 * times_s, expected["output_frame_timestamps_ms"])


def test_raft_features_equal_the_reference(tmp_path, video, weights_dir):
    path, expected = video
    one_window = ("--step_size", 32)  # of the two that the reference has: RAFT takes a second for each pair of frames
    ours = extract(tmp_path, path, weights_dir, *one_window, "--streams", "flow", "--flow_type", "raft")
    assert relative_error(ours["flow"], expected["output_flow_raft_16_16"][:1]) < FLOW_TOLERANCE
    assert len(manifest(tmp_path / "i3d")["waves"]["weights"]["raft"]) == 64


def test_overlapping_windows_equal_the_reference(tmp_path, video, weights_dir):
    path, expected = video
    flags = ("--step_size", 8, "--streams", "rgb", "--batch_size", 2, "--tmp_path", tmp_path / "tmp")
    ours = extract(tmp_path / "out", path, weights_dir, *flags)
    assert relative_error(ours["rgb"], expected["output_rgb_16_8"]) < RGB_TOLERANCE
    np.testing.assert_allclose(ours["timestamps_ms"], expected["output_timestamps_ms_16_8"])
    assert not (tmp_path / "tmp").exists()  # without --keep_frames nothing is written there
    flags = {"stack_size": 16, "step_size": 8, "streams": "rgb", "batch_size": 2, "weights_dir": weights_dir}
    check_same_in_python(tmp_path / "out" / "i3d", "i3d", [path], **flags)


def flow_of_frames(flow_type, weights_dir):
    """Return an extractor of flow, the 17 frames of case_frames_120x160, and the levels of its flow networks."""
    _, meta = case("i3d_pipeline", "case_frames_120x160")
    frames = moving_frames(401, 17, 120, 160)
    assert hashlib.sha256(frames.tobytes()).hexdigest() == meta["input"]["sha256_of_frames"]
    checkpoints = {"i3d_flow": weights_dir / "i3d_flow.pt", "raft": weights_dir / "raft-sintel.pth"}
    checkpoints["pwc"] = weights_dir / "pwc_net_sintel.pt"
    config = I3DConfig(streams=["flow"], flow_type=flow_type, stack_size=16, step_size=16)
    debug, _ = case("i3d_pipeline", "case_frames_120x160_debug")
    return I3DExtractor(config, checkpoints, DEVICE), torch.from_numpy(frames).to(DEVICE), debug


def assert_levels(ours, expected):
    apart = np.abs(ours.cpu().numpy() - expected)
    assert apart.max() <= 1 and apart.mean() < MOST_FLIPPED


def test_levels_of_raft_equal_the_reference(weights_dir):
    """The two pairs of frames whose levels are recorded; features of a whole window are compared above."""
    extractor, frames, debug = flow_of_frames("raft", weights_dir)
    assert extractor.pairs is not None
    with torch.inference_mode():
        prepared = extractor.prepare(frames[[0, 1, 15, 16]])
        encoded = extractor.pairs.encode(prepared)
        first, second = (tuple(part[start::2] for part in encoded) for start in (0, 1))
        size = (prepared.shape[1], prepared.shape[2])
        assert_levels(extractor.pairs.between(first, second, size), debug["debug_q_raft"])


def test_flow_of_frames_by_pwc_equals_the_reference(weights_dir):
    extractor, frames, debug = flow_of_frames("pwc", weights_dir)
    builder = WindowBuilder(extractor, extractor.sampling(VideoStreamInfo(25.0, 240, 320)))
    with torch.inference_mode():
        (cut,) = builder.push(extractor.prepare(frames), np.arange(17) / 25)
        features = extractor.forward(cut.inputs)["flow"]
    assert_levels(cut.inputs["flow"][0, [0, 15]], debug["debug_q_pwc_align_true"])
    expected, _ = case("i3d_pipeline", "case_frames_120x160")
    assert relative_error(features, expected["output_flow_pwc_align_true"]) < FLOW_TOLERANCE


def test_stacks_are_those_of_the_reference():
    arrays, meta = case("i3d_pipeline", "case_stacks")
    for row, numbers in zip(meta["rows"], arrays["frames_stack_step_stacks"], strict=True):
        assert [row[name] for name in ("frames_in_video", "stack_size", "step_size", "stacks")] == numbers.tolist()
        if row["step_size"] > row["stack_size"] + 1:
            continue  # ours start at multiples of the step, as the flag says: a documented difference
        config = I3DConfig(
            stack_size=row["stack_size"], step_size=row["step_size"], short_video="skip", streams=["rgb"]
        )
        sampling = I3DExtractor.sampling(cast(Any, _WithoutNetworks(config)), VideoStreamInfo(row["fps"], 240, 320))
        firsts = []
        for window in sampling.full():
            if window.indices[-1] >= row["frames_in_video"]:
                break
            firsts.append(window.indices[0])
        assert firsts == row["first_frame_of_each_stack"]
        assert sampling.rest(row["frames_in_video"], len(firsts)) == []


class _WithoutNetworks:
    def __init__(self, config):
        self.config = config


def test_the_sample_clips_with_random_weights(tmp_path):
    result = run(
        "--feature_type", "i3d", "--weights", "random", "--file_with_video_paths", "sample/sample_video_paths.txt",
        "--stack_size", 10, "--step_size", 10, "--extraction_fps", 2.5, "--on_extraction", "save_numpy",
        "--output_path", tmp_path, "--show_pred",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "FEATURES MEAN NOTHING" in result.stderr
    assert "2 videos" in result.stdout
    for name in ("bouncing_shapes", "camera_pan"):
        lines = [line for line in result.stdout.splitlines() if line.startswith(f"{name}.mp4 window")]
        assert len(lines) == 2  # of one window
        for key in ("rgb", "flow"):
            features = np.load(tmp_path / "i3d" / f"{name}_{key}.npy")
            assert (features.shape, features.dtype) == ((1, 1024), np.float32)
            assert np.isfinite(features).all()
        assert np.load(tmp_path / "i3d" / f"{name}_fps.npy") == 2.5
        np.testing.assert_allclose(np.load(tmp_path / "i3d" / f"{name}_timestamps_ms.npy"), [4000])
        line = manifest(tmp_path / "i3d")[name]
        keys = ("rgb", "flow", "fps", "timestamps_ms", "start_s", "end_s")
        assert [output["file"] for output in line["outputs"]] == [f"{name}_{key}.npy" for key in keys]
        assert line["weights"] == {
            "i3d_rgb": "random",
            "i3d_flow": "random",
            "pwc": "random",
        }
