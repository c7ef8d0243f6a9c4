import numpy as np
import pytest
import torch
from support.program import manifest, run

from models.i3d.config import I3DConfig
from models.i3d.pretrained import needs as i3d_needs
from models.tvl1.config import TVL1Config
from models.tvl1.extractor import TVL1Extractor
from models.tvl1.pretrained import needs
from utils.errors import UserError
from utils.nn.prepare import ComputeMode


def test_a_sample_clip_needs_no_weights(tmp_path):
    result = run(
        "--feature_type", "tvl1", "--video_paths", "sample/camera_pan.mp4", "--extraction_fps", 1,
        "--side_size", 32, "--on_extraction", "save_numpy", "--output_path", tmp_path,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "MEAN NOTHING" not in result.stderr
    flow = np.load(tmp_path / "tvl1" / "camera_pan_tvl1.npy")
    times_ms = np.load(tmp_path / "tvl1" / "camera_pan_timestamps_ms.npy")
    assert flow.shape[1:3] == (2, 32) and len(flow) == len(times_ms) - 1 > 1 and flow.dtype == np.float32
    assert np.isfinite(flow).all() and flow.any()
    assert manifest(tmp_path / "tvl1")["camera_pan"]["weights"] == {}


def test_flow_of_i3d(tmp_path):
    result = run(
        "--feature_type", "i3d", "--flow_type", "tvl1", "--streams", "flow", "--weights", "random", "--stack_size", 10,
        "--extraction_fps", 0.4, "--min_side_size", 224, "--video_paths", "sample/camera_pan.mp4",
        "--on_extraction", "save_numpy", "--output_path", tmp_path,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    features = np.load(tmp_path / "i3d" / "camera_pan_flow.npy")
    assert features.shape == (1, 1024) and np.isfinite(features).all()
    assert manifest(tmp_path / "i3d")["camera_pan"]["weights"] == {"i3d_flow": "random"}


def test_nothing_is_needed_compiled_or_fetched():
    assert needs(TVL1Config()) == {}
    assert list(i3d_needs(I3DConfig(flow_type="tvl1"))) == ["i3d_rgb", "i3d_flow"]
    with pytest.raises(UserError, match="--compile: tvl1 is not a network"):
        TVL1Extractor(TVL1Config(), {}, torch.device("cpu"), ComputeMode(compile=True))
    fetched = run("weights", "fetch", "tvl1")
    assert (fetched.returncode, fetched.stdout) == (0, "tvl1: has no weights\n")
    shown = run("models", "tvl1")
    assert "no weights: nothing to download" in shown.stdout and "TV-L1" in shown.stdout
