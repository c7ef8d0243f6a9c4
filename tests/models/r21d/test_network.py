import zlib

import numpy as np
import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import case, layout, moving_frames, relative_error, write_checkpoint

from models.r21d.config import R21DConfig
from models.r21d.extractor import R21DExtractor
from models.r21d.weights import random_r21d
from utils.errors import UserError
from utils.extractors.base import VideoStreamInfo
from utils.worker.window_builder import WindowBuilder

CASES = {
    "case_r2plus1d_18": "keys_r2plus1d_18.json",
    "case_r2plus1d_34_8": "keys_r2plus1d_34.json",
}
pytestmark = pytest.mark.usefixtures("skip_init")


def drawn_frames(meta: dict) -> torch.Tensor:
    drawn = meta["input"]
    frames = moving_frames(drawn["seed"], drawn["n"], drawn["height"], drawn["width"])
    assert zlib.crc32(frames.tobytes()) == drawn["frames_crc32"]
    return torch.from_numpy(frames)


@pytest.mark.parametrize("name", CASES)
def test_features_of_frames_equal_the_reference(tmp_path, name):
    arrays, meta = case("r21d", name)
    frames = drawn_frames(meta)
    path = write_checkpoint(tmp_path / "published.pth", "r21d", CASES[name])
    config = R21DConfig(model_name=meta["model"], step_size=meta["input"]["step_size"], show_pred=True)
    assert config.stack[0] == meta["input"]["stack_size"]
    extractor = R21DExtractor(config, {"r21d": path}, DEVICE)
    builder = WindowBuilder(extractor, extractor.sampling(VideoStreamInfo(25.0, 240, 320)))
    with torch.inference_mode():
        prepared = extractor.prepare(frames.to(DEVICE))
        assert relative_error(prepared[:, :, ::8, ::8].transpose(0, 1), arrays["input_grid"]) < 1e-6
        cuts = [*builder.push(prepared, np.arange(len(frames)) / 25), *builder.finish()]
        outputs = extractor.forward({"clips": torch.cat([cut.inputs["clips"] for cut in cuts])})
    assert relative_error(outputs["r21d"], arrays["output_features"]) < TOLERANCE
    assert relative_error(outputs["logits/r21d"], arrays["output_logits"]) < TOLERANCE


@pytest.mark.parametrize(
    ("name", "keys"), [("r2plus1d_18_16_kinetics", "18"), ("r2plus1d_34_32_ig65m_ft_kinetics", "34")]
)
def test_names_and_shapes_are_the_published_ones(name, keys):
    published = {key: shape for key, (shape, _) in layout("r21d", f"keys_r2plus1d_{keys}.json")["tensors"].items()}
    assert {key: list(value.shape) for key, value in random_r21d(name).state_dict().items()} == published


def test_tsp_samples_15_frames_per_second():
    assert R21DConfig().fps is None
    assert R21DConfig(model_name="r2plus1d_18_16_tsp_activitynet").fps == 15
    assert R21DConfig(model_name="r2plus1d_34_16_tsp_thumos14", extraction_fps=10.0).fps == 10
    assert R21DConfig(model_name="r2plus1d_34_16_tsp_thumos14").stack == (16, 1)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"model_name": "r2plus1d_34_32_ig65m"}, "did you mean r2plus1d_34_32_ig65m_ft_kinetics"),
        ({"stack_size": 0}, "--stack_size is 0"),
        ({"step_size": 0}, "--step_size is 0"),
        ({"extraction_fps": -1.0}, "--extraction_fps"),
    ],
)
def test_wrong_requests_are_refused(flags, message):
    with pytest.raises(UserError, match=message):
        R21DConfig(**flags)


def test_each_network_has_its_own_stack():
    assert R21DConfig().stack == (16, 16)
    assert R21DConfig(model_name="r2plus1d_34_32_ig65m_ft_kinetics").stack == (32, 32)
    assert R21DConfig(model_name="r2plus1d_34_8_ig65m_ft_kinetics", stack_size=10, step_size=3).stack == (10, 3)
