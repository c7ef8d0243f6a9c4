import zlib

import numpy as np
import pytest
import torch
from support.device import DEVICE
from support.golden import case, moving_frames, relative_error

from models.internvideo2.config import InternVideo2Config
from models.internvideo2.extractor import InternVideo2Extractor
from models.internvideo2.preprocess import network_input
from utils.errors import UserError


def test_features_of_frames_equal_the_demo(internvideo2_checkpoint):
    expected, meta = case("internvideo2", "case_demo_30x120x160")
    drawn = meta["input"]
    frames = moving_frames(drawn["seed"], drawn["n"], drawn["height"], drawn["width"])
    assert zlib.crc32(frames.tobytes()) == drawn["crc32"]
    config = InternVideo2Config(model_name="S14_ft_k710_f8", stack_size=30, pool="attention")
    extractor = InternVideo2Extractor(config, {"internvideo2": internvideo2_checkpoint}, DEVICE)
    with torch.inference_mode():
        clip = extractor.window(extractor.prepare(torch.from_numpy(frames).to(DEVICE)), None)["clips"]
        features = extractor.forward({"clips": clip[None]})["internvideo2"]
    assert zlib.crc32(clip.cpu().numpy().tobytes()) == meta["resized_crc32"]
    ours = network_input(clip[None])[0].transpose(0, 1)[::3, :, ::16, ::16]
    np.testing.assert_allclose(ours.cpu(), expected["output_input"], atol=1e-5)
    assert relative_error(features, expected["output_pooled"]) < 2e-5


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"stack_size": 7}, "--stack_size is 7, fewer than the 8 frames that the network sees"),
        ({"model_name": "6B_ft_k710_f8"}, "--model_name"),
        ({"num_frames": 0}, "--num_frames is 0"),
    ],
)
def test_wrong_requests_are_refused(flags, message):
    with pytest.raises(UserError, match=message):
        InternVideo2Config(**flags)


def test_the_frames_of_the_file_are_the_default():
    assert InternVideo2Config().n_seen() == 8
    assert InternVideo2Config(model_name="1B_ft_k710_ft_k400_f16").n_seen() == 16
    assert InternVideo2Config(model_name="1B_pretrain", num_frames=4).n_seen() == 4
