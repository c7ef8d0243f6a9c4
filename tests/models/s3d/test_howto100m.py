import numpy as np
import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import case, relative_error, write_checkpoint

from models.s3d.weights import load_howto100m

pytestmark = pytest.mark.usefixtures("skip_init")


def test_features_of_howto100m_equal_the_reference(tmp_path):
    expected, meta = case("s3d_howto100m", "case_2x8x64x64")
    path = write_checkpoint(tmp_path / "s3d_howto100m.pth", "s3d_howto100m")
    clips = np.random.default_rng(meta["seed"]).random(meta["shape"], np.float32)
    with torch.inference_mode():
        features, projected = load_howto100m(path).to(DEVICE)(torch.from_numpy(clips).to(DEVICE))
    assert relative_error(features, expected["output_mixed_5c"]) < TOLERANCE
    assert relative_error(projected, expected["output_video_embedding"]) < TOLERANCE
