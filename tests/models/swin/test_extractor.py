import numpy as np
import pytest
from support.clips import clip_case, clips_of, extract
from support.device import DEVICE, TOLERANCE
from support.golden import relative_error

from models.swin.config import SwinConfig
from models.swin.extractor import SwinExtractor


@pytest.mark.parametrize(
    ("name", "clips"),
    [
        ("case_swin_tool_numclips3_small", slice(1, None)),
        ("case_swin_tool_10crop_small", slice(1)),
        ("case_swin_tool_center_40x168x94", slice(None)),
    ],
)
def test_stored_features_equal_the_reference(name, clips, swin_checkpoint):
    expected, frames, flags = clip_case(name)
    extractor = SwinExtractor(SwinConfig(**flags), {"swin": swin_checkpoint}, DEVICE)
    np.testing.assert_array_equal(clips_of(extractor, frames), expected["output_frame_inds"])
    saved, _ = extract(extractor, frames, clips)
    assert relative_error(saved, expected["output"][clips]) < TOLERANCE
    assert saved.dtype == np.float32


def test_the_defaults_are_those_of_the_published_tool():
    _, _, flags = clip_case("case_swin_tool_center_40x168x94")
    assert SwinConfig(crop_type="center").chosen == SwinConfig(**flags).chosen
    assert (SwinConfig().stack_size, SwinConfig().frame_interval) == (32, 2)
    assert SwinConfig().chosen.crop_type == "5-crop"
