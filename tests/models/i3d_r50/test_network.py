import json
from pathlib import Path

import numpy as np
import pytest
import torch
from support.device import DEVICE
from support.golden import (
    GOLDEN,
    case,
    check_input,
    check_stages,
    golden_clips,
    layout,
    relative_error,
    watched,
    write_checkpoint,
)

from models.i3d_r50.pretrained import BASELINE, FILES
from models.i3d_r50.weights import load_i3d_r50, random_i3d_r50
from utils.errors import UserError

TOLERANCE = 1e-4
CASES = ("case_2x32x64x64", "case_1x32x80x72", "case_1x32x224x224")
pytestmark = pytest.mark.usefixtures("skip_init")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("i3d_r50") / "i3d_r50.pth", "i3d_r50_nl", wrapper="state_dict")


@pytest.fixture(scope="module")
def network(checkpoint):
    return load_i3d_r50(checkpoint).to(DEVICE)


@pytest.mark.parametrize("name", CASES)
def test_features_and_logits_equal_the_reference(name, network):
    expected, meta = case("i3d_r50_nl", name)
    clips = golden_clips(meta["input"])
    check_input(clips, expected)
    layers = {f"layer{i}": stage for i, stage in enumerate(network.backbone.stages, 1)}
    with torch.inference_mode(), watched(layers) as stages:
        features, logits = network(clips.to(DEVICE))
    check_stages(stages, stages["layer4"], expected)
    assert relative_error(features, expected["output_feature"]) < TOLERANCE
    assert relative_error(features.mean(0, keepdim=True), expected["output_clip"]) < TOLERANCE
    assert relative_error(logits, expected["output_logits"]) < TOLERANCE


@pytest.mark.parametrize("name", ["case_2x16x64x64", "case_1x32x80x72", "case_1x7x97x65"])
def test_the_baseline_equals_the_reference(name, baseline):
    expected, meta = case("i3d_r50_baseline", name)
    drawn = np.random.default_rng(meta["input"]["seed"]).normal(0, 0.5, meta["input"]["shape"]).astype(np.float32)
    with torch.inference_mode():
        features, logits = baseline(torch.from_numpy(drawn).to(DEVICE))
    assert relative_error(features, expected["output_features"]) < TOLERANCE
    assert relative_error(logits, expected["output_logits"]) < TOLERANCE


def test_published_files_are_those_of_the_layout():
    spec = json.loads((GOLDEN / "i3d_r50_nl" / "keys.json").read_text())
    files = [file for file in FILES if file is not BASELINE]
    assert [(file.name, file.url) for file in files] == list(zip(spec["file"], spec["url"], strict=True))
    assert all(file.name.endswith(f"-{file.sha256}.pth") for file in files)


def test_a_file_of_another_network_is_refused(tmp_path):
    tensors = {name: torch.zeros(shape) for name, (shape, *_) in layout("slowonly_r50")["tensors"].items()}
    torch.save({"state_dict": tensors}, tmp_path / "slowonly.pth")
    with pytest.raises(UserError, match=r"not a checkpoint of I3DR50 \(55 missing: .*non_local"):
        load_i3d_r50(tmp_path / "slowonly.pth")


def test_a_fine_tuned_file_with_other_classes_is_read(checkpoint, tmp_path):
    content = torch.load(checkpoint, weights_only=True)
    state = content["state_dict"]
    for part in ("weight", "bias"):
        state[f"cls_head.fc_cls.{part}"] = state[f"cls_head.fc_cls.{part}"][:7].clone()
    torch.save(content, tmp_path / "seven.pth")
    assert load_i3d_r50(tmp_path / "seven.pth").classifier.out_features == 7


def test_random_weights_give_finite_features():
    with torch.inference_mode():
        features, logits = random_i3d_r50()(torch.rand(1, 3, 32, 64, 64))
    assert (features.shape, logits.shape) == ((1, 2048), (1, 400))
    assert features.isfinite().all()
