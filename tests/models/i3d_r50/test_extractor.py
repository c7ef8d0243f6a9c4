import copy
import json
import zlib

import numpy as np
import pytest
import torch
from support.clips import clip_case, clips_of, extract
from support.device import DEVICE, TOLERANCE
from support.golden import GOLDEN, case, moving_frames, relative_error, write_checkpoint
from support.program import run

from models.i3d_r50.config import I3DR50Config
from models.i3d_r50.extractor import I3DR50Extractor
from utils.config.schema import output_settings
from utils.errors import UserError
from utils.transforms.crops import CROPS, cut


@pytest.fixture(scope="module")
def i3d_r50_checkpoint(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("i3d_r50") / "i3d_r50.pth", "i3d_r50_nl", wrapper="state_dict")


@pytest.mark.parametrize(
    ("name", "clips"),
    [
        ("case_i3d_tool_5crop_small", slice(None)),
        ("case_i3d_tool_10crop_small", slice(None)),
        ("case_i3d_tool_5crop_70x120x160", slice(1, None)),
    ],
)
def test_stored_features_equal_the_reference(name, clips, i3d_r50_checkpoint):
    expected, frames, flags = clip_case(name)
    extractor = I3DR50Extractor(I3DR50Config(**flags), {"i3d_r50": i3d_r50_checkpoint}, DEVICE)
    np.testing.assert_array_equal(clips_of(extractor, frames), expected["output_frame_inds"])
    saved, _ = extract(extractor, frames, clips)
    assert relative_error(saved, expected["output"][clips]) < TOLERANCE
    assert saved.dtype == np.float32


def test_the_defaults_are_those_of_the_published_tool():
    _, _, flags = clip_case("case_i3d_tool_5crop_70x120x160")
    assert I3DR50Config().chosen == I3DR50Config(**flags).chosen
    assert (I3DR50Config().stack_size, I3DR50Config().frame_interval) == (32, 2)
    assert I3DR50Config().chosen.crop_type == "5-crop"


@pytest.fixture(scope="module")
def baseline_extractor(baseline_files):
    config = I3DR50Config(variant="baseline", crop_type="center")
    return I3DR50Extractor(config, {"i3d_r50": baseline_files["caffe2"]}, DEVICE)


def test_snippets_of_the_anomaly_preset_equal_the_reference(baseline_extractor):
    expected, meta = case("i3d_r50_baseline", "case_center_33x300x226")
    drawn = meta["input"]
    frames = moving_frames(drawn["seed"], drawn["n"], drawn["height"], drawn["width"])
    resized = baseline_extractor.prepare(torch.from_numpy(frames).to(DEVICE)).cpu().numpy()
    assert zlib.crc32(resized.tobytes()) == meta["resized_crc32"]
    saved, _ = extract(baseline_extractor, frames)
    assert relative_error(saved, expected["output_features"]) < TOLERANCE


def test_crops_of_the_anomaly_preset_are_those_of_the_public_extractor():
    rows = json.loads((GOLDEN / "i3d_r50_baseline" / "crops.json").read_text())["rows"]
    frame = torch.from_numpy(moving_frames(1, 1, 256, 340)[0])
    boxes = CROPS["anomaly"]["10-crop"](256, 340, 224)
    for box, (_, top, left, mirrored) in zip(boxes, rows, strict=True):
        source = frame.flip(1) if mirrored else frame
        assert torch.equal(cut(frame, box, 224), source[top : top + 224, left : left + 224])


@pytest.mark.parametrize("frequency", [16, 8])
def test_snippets_of_the_anomaly_preset_start_as_in_the_public_extractor(frequency, baseline_extractor):
    rows = json.loads((GOLDEN / "i3d_r50_baseline" / "starts.json").read_text())["rows"]
    extractor = copy.copy(baseline_extractor)
    extractor.config = I3DR50Config(variant="baseline", frequency=frequency)
    for row in rows:
        if row["frequency"] == frequency:
            clips = clips_of(extractor, np.zeros(row["frames"]))
            assert clips.tolist() == [list(range(start, start + 16)) for start in row["starts"]]
    assert clips_of(extractor, np.zeros(7)).tolist() == [[i % 7 for i in range(16)]]


def test_the_baseline_has_two_input_scalings(baseline_extractor):
    views = torch.full((1, 1, 2, 2, 3), 255, dtype=torch.uint8)
    assert (baseline_extractor.network_input(views) == 1).all()
    extractor = copy.copy(baseline_extractor)
    extractor.config = I3DR50Config(variant="baseline", input_scaling="training")
    assert torch.allclose(extractor.network_input(views), torch.tensor(140.25 / 57.375))


def test_recorded_settings_are_those_of_runs_before_there_were_variants():
    assert set(output_settings(I3DR50Config())).isdisjoint({"variant", "frequency", "input_scaling"})
    assert output_settings(I3DR50Config())["preset"] == "snippets"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"variant": "baseline", "stack_size": 6}, "--stack_size is 6; baseline needs at least 7 frames"),
        ({"input_scaling": "training"}, "--input_scaling is for --variant baseline"),
        ({"frequency": 8}, "--frequency is for --preset anomaly"),
        ({"variant": "other"}, "--variant is 'other'"),
    ],
)
def test_what_does_not_fit_together_is_refused(flags, message):
    with pytest.raises(UserError, match=message):
        I3DR50Config(**flags)


def test_too_few_frames_for_the_network_are_refused():
    result = run("--feature_type", "i3d_r50", "--stack_size", 4, "--video_paths", "sample/camera_pan.mp4")
    assert result.returncode == 2
    assert "--stack_size is 4; it must be at least 5 frames" in result.stderr
