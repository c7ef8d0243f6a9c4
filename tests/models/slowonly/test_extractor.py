import numpy as np
import pytest
from support.clips import clip_case, clips_of, extract
from support.device import DEVICE, TOLERANCE
from support.golden import relative_error, write_checkpoint

from models.slowonly.config import SlowOnlyConfig
from models.slowonly.extractor import SlowOnlyExtractor


@pytest.fixture(scope="module")
def slowonly_checkpoint(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("slowonly") / "slowonly.pth", "slowonly_r50", wrapper="state_dict")


@pytest.mark.parametrize("name", ["case_slowonly_threecrop_small", "case_slowonly_config_100x120x160"])
def test_stored_features_equal_the_reference(name, slowonly_checkpoint):
    expected, frames, flags = clip_case(name)
    extractor = SlowOnlyExtractor(SlowOnlyConfig(**flags), {"slowonly": slowonly_checkpoint}, DEVICE)
    np.testing.assert_array_equal(clips_of(extractor, frames), expected["output_frame_inds"])
    saved, views = extract(extractor, frames)
    assert relative_error(saved, expected["output"]) < TOLERANCE
    assert relative_error(views.swapaxes(0, 1).reshape(-1, 2048), expected["output_views"]) < TOLERANCE
    assert saved.dtype == np.float32


def test_the_defaults_are_those_of_the_published_config():
    _, _, flags = clip_case("case_slowonly_config_100x120x160")
    assert SlowOnlyConfig().chosen == SlowOnlyConfig(**flags).chosen
    assert (SlowOnlyConfig().stack_size, SlowOnlyConfig().frame_interval) == (
        flags["stack_size"],
        flags["frame_interval"],
    )
