import argparse
import zlib

import numpy as np
import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import case, layout, moving_frames, relative_error, seeded_arrays, write_checkpoint

from models.r21d.config import R21DConfig
from models.r21d.extractor import R21DExtractor
from models.r21d.network import R2Plus1D
from models.r21d.preprocess import to_network
from models.r21d.pretrained import BY_MODEL
from models.r21d.weights import convert, load_r21d, random_r21d
from utils.errors import UserError
from utils.extractors.base import VideoStreamInfo
from utils.nn.skip_init import SkipInit
from utils.worker.window_builder import WindowBuilder

TSP_KEYS = "keys_activitynet.json"
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


def test_tsp_has_the_names_of_the_network_but_for_its_heads():
    published = {key: shape for key, (shape, _) in layout("tsp_r2plus1d_34", TSP_KEYS)["tensors"].items()}
    with SkipInit():
        state = R2Plus1D(34, 200).state_dict()
    assert convert(published) == {key: list(value.shape) for key, value in state.items()}


def test_published_files_of_tsp_are_those_of_the_layout():
    spec = layout("tsp_r2plus1d_34", TSP_KEYS)
    file = BY_MODEL["r2plus1d_34_16_tsp_activitynet"]
    assert ([file.name], [file.url], file.sha256) == (spec["file"], spec["url"], "0d2cf854")
    assert BY_MODEL["r2plus1d_34_16_tsp_thumos14"].url in spec["other_files"].values()


def test_tsp_samples_15_frames_per_second():
    assert R21DConfig().fps is None
    assert R21DConfig(model_name="r2plus1d_18_16_tsp_activitynet").fps == 15
    assert R21DConfig(model_name="r2plus1d_34_16_tsp_thumos14", extraction_fps=10.0).fps == 10
    assert R21DConfig(model_name="r2plus1d_34_16_tsp_thumos14").stack == (16, 1)


def test_every_frame_is_stretched_and_cropped_at_row_8_and_column_30():
    frames = torch.zeros(1, 128, 171, 3, dtype=torch.uint8)  # already of the size: no resize
    frames[0, 8, 30] = 255
    images = to_network(frames)
    assert images.shape == (1, 3, 112, 112)
    assert (images[0, :, 0, 0] - images[0, :, 1, 1] > 4).all()
    assert to_network(torch.zeros(2, 300, 20, 3, dtype=torch.uint8)).shape == (2, 3, 112, 112)


def test_a_fine_tuned_file_keeps_its_classes_and_another_network_is_refused(tmp_path):
    state = random_r21d("r2plus1d_18_16_kinetics").state_dict()
    torch.save(state | {"fc.weight": torch.zeros(7, 512), "fc.bias": torch.zeros(7)}, tmp_path / "tuned.pth")
    assert load_r21d(tmp_path / "tuned.pth", "r2plus1d_18_16_kinetics").fc.out_features == 7
    with pytest.raises(UserError, match=r"tuned\.pth: not a checkpoint of R2Plus1D \(\d+ missing: layer1\.2\."):
        load_r21d(tmp_path / "tuned.pth", "r2plus1d_34_8_ig65m_ft_kinetics")


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
