import json
import zlib

import pytest
import torch
from support.device import DEVICE
from support.golden import GOLDEN, case, moving_frames, relative_error

from models.videomae.config import VideoMAEConfig
from models.videomae.extractor import VideoMAEExtractor
from utils.errors import UserError
from utils.extractors.base import VideoStreamInfo

SMALL = "vit_small_patch16_224"


def test_features_of_frames_equal_the_published_script(videomae_checkpoint):
    expected, meta = case("videomae_v2", "case_small_thumos_29x120x160")
    drawn = meta["input"]
    frames = moving_frames(drawn["seed"], drawn["n"], drawn["height"], drawn["width"])
    assert zlib.crc32(frames.tobytes()) == drawn["crc32"]
    extractor = VideoMAEExtractor(VideoMAEConfig(model_name=SMALL), {"videomae": videomae_checkpoint}, DEVICE)
    row, start = len(meta["starts"]) - 1, meta["starts"][-1]  # the last window
    with torch.inference_mode():
        prepared = extractor.prepare(torch.from_numpy(frames[start : start + 16]).to(DEVICE))
        features = extractor.forward({"clips": extractor.window(prepared, None)["clips"][None]})["videomae"]
    assert relative_error(features[0], expected["output_features"][row]) < 2e-5


@pytest.mark.parametrize("data_set, step", [("THUMOS14", 4), ("FINEACTION", 16)])
def test_windows_start_as_in_the_published_script(data_set, step):
    extractor = VideoMAEExtractor.__new__(VideoMAEExtractor)
    extractor.config = VideoMAEConfig(step_size=step)
    windows = extractor.sampling(VideoStreamInfo(25.0, 240, 320)).full()
    starts = [next(windows).indices[0] for _ in range(30)]
    for row in json.loads((GOLDEN / "videomae_v2" / "starts.json").read_text())["rows"]:
        assert [start for start in starts if start + 16 <= row["frames"]] == row[data_set]


def test_windows_have_the_frames_that_the_network_sees():
    with pytest.raises(UserError, match="--stack_size is 8; it must be at least 16 frames, which the network sees"):
        VideoMAEConfig(stack_size=8)
    assert VideoMAEConfig(stack_size=64).n_seen(64) == 16
    with pytest.raises(UserError, match="--model_name"):
        VideoMAEConfig(model_name="vit_huge_patch16_224")
