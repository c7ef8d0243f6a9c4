import numpy as np
import pytest
from support.clips import clip_case, clips_of, extract
from support.device import DEVICE
from support.golden import relative_error, write_checkpoint
from support.program import run

from models.i3d_r50.config import I3DR50Config
from models.i3d_r50.extractor import I3DR50Extractor

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def i3d_r50_checkpoint(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("i3d_r50") / "i3d_r50.pth", "i3d_r50_nl", wrapper="state_dict")


@pytest.mark.parametrize(
    "name", ["case_i3d_tool_5crop_small", "case_i3d_tool_10crop_small", "case_i3d_tool_5crop_70x120x160"]
)
def test_stored_features_equal_the_reference(name, i3d_r50_checkpoint):
    expected, frames, flags = clip_case(name)
    extractor = I3DR50Extractor(I3DR50Config(**flags), {"i3d_r50": i3d_r50_checkpoint}, DEVICE)
    np.testing.assert_array_equal(clips_of(extractor, frames), expected["output_frame_inds"])
    saved, _ = extract(extractor, frames)
    assert relative_error(saved, expected["output"]) < TOLERANCE
    assert saved.dtype == np.float32


def test_the_defaults_are_those_of_the_published_tool():
    _, _, flags = clip_case("case_i3d_tool_5crop_70x120x160")
    assert I3DR50Config().chosen == I3DR50Config(**flags).chosen
    assert (I3DR50Config().stack_size, I3DR50Config().frame_interval) == (32, 2)
    assert I3DR50Config().chosen.crop_type == "5-crop"


def test_a_sample_clip_with_random_weights(tmp_path):
    result = run(
        "--feature_type", "i3d_r50", "--weights", "random", "--video_paths", "sample/camera_pan.mp4",
        "--crop_type", "center", "--side_size", 64, "--crop_size", 64, "--on_extraction", "save_numpy",
        "--output_path", tmp_path,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    features = np.load(tmp_path / "i3d_r50" / "camera_pan_i3d_r50.npy")
    times_ms = np.load(tmp_path / "i3d_r50" / "camera_pan_timestamps_ms.npy")
    assert (features.shape, features.dtype) == ((len(times_ms), 1, 2048), np.float32)
    assert np.isfinite(features).all()
    assert (np.diff(times_ms) > 0).all()


def test_too_few_frames_for_the_network_are_refused():
    result = run("--feature_type", "i3d_r50", "--stack_size", 4, "--video_paths", "sample/camera_pan.mp4")
    assert result.returncode == 2
    assert "--stack_size is 4; it must be at least 5 frames" in result.stderr
