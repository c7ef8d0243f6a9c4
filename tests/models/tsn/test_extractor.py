import numpy as np
import pytest
from support.clips import clip_case, clips_of, extract
from support.device import DEVICE, TOLERANCE
from support.golden import relative_error
from support.program import run

from models.tsn.config import TSNConfig
from models.tsn.extractor import TSNExtractor


@pytest.mark.parametrize("name", ["case_tsn_tencrop_small", "case_tsn_config_40x120x160"])
def test_stored_features_equal_the_reference(name, tsn_checkpoint):
    expected, frames, flags = clip_case(name)
    extractor = TSNExtractor(TSNConfig(**flags), {"tsn": tsn_checkpoint}, DEVICE)
    np.testing.assert_array_equal(clips_of(extractor, frames), expected["output_frame_inds"])
    saved, views = extract(extractor, frames)
    assert relative_error(saved, expected["output"]) < TOLERANCE
    crop_major = views.swapaxes(0, 1).reshape(-1, 2048)
    assert relative_error(crop_major, expected["output_views"]) < TOLERANCE
    assert saved.dtype == np.float32


def test_the_defaults_are_those_of_the_published_config():
    _, _, flags = clip_case("case_tsn_config_40x120x160")
    assert TSNConfig().chosen == TSNConfig(**flags).chosen
    assert (TSNConfig().stack_size, TSNConfig().frame_interval) == (flags["stack_size"], flags["frame_interval"])


def test_a_wrong_request_is_refused_before_any_work():
    result = run("--feature_type", "tsn", "--crop_size", 300, "--video_paths", "sample/camera_pan.mp4")
    assert result.returncode == 2
    assert "a crop of 300 pixels does not fit a side of 256" in result.stderr
