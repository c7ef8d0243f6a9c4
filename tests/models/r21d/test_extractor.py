import argparse

import numpy as np
import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import case, moving_frames, relative_error, seeded_arrays

from models.r21d.config import R21DConfig
from models.r21d.extractor import R21DExtractor

TSP_KEYS = "keys_activitynet.json"
pytestmark = pytest.mark.usefixtures("skip_init")


@pytest.fixture(scope="module")
def tsp_extractor(tmp_path_factory):
    path = tmp_path_factory.mktemp("tsp") / "tsp.pth"
    tensors = {key: torch.from_numpy(value) for key, value in seeded_arrays("tsp_r2plus1d_34", TSP_KEYS).items()}
    torch.save({"model": tensors, "optimizer": {}, "epoch": 5, "args": argparse.Namespace(lr=1e-4)}, path)
    config = R21DConfig(model_name="r2plus1d_34_16_tsp_activitynet")
    return R21DExtractor(config, {"r21d": path}, DEVICE)


def test_features_of_tsp_equal_the_reference(tsp_extractor):
    arrays, meta = case("tsp_r2plus1d_34", "case_240x426")
    drawn = meta["input"]
    frames = moving_frames(drawn["seed"], drawn["n"], drawn["height"], drawn["width"])
    with torch.inference_mode():
        clip = tsp_extractor.window(tsp_extractor.prepare(torch.from_numpy(frames).to(DEVICE)), None)["clips"]
        features = tsp_extractor.forward({"clips": clip[None]})["r21d"]
    np.testing.assert_allclose(clip[:, ::5, ::8, ::8].cpu(), arrays["output_input"], atol=1e-5)
    assert relative_error(features, arrays["output_features"]) < TOLERANCE
