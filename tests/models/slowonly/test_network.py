import json
from pathlib import Path

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

from models.slowonly.pretrained import FILES
from models.slowonly.weights import load_slowonly, random_slowonly
from utils.errors import UserError

TOLERANCE = 1e-4
CASES = ("case_2x4x64x64", "case_1x8x72x88", "case_1x4x224x224")
pytestmark = pytest.mark.usefixtures("skip_init")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("slowonly") / "slowonly.pth", "slowonly_r50", wrapper="state_dict")


@pytest.fixture(scope="module")
def network(checkpoint):
    return load_slowonly(checkpoint).to(DEVICE)


@pytest.mark.parametrize("name", CASES)
def test_features_and_logits_equal_the_reference(name, network):
    expected, meta = case("slowonly_r50", name)
    clips = golden_clips(meta["input"])
    check_input(clips, expected)
    layers = {f"layer{i}": stage for i, stage in enumerate(network.backbone.stages, 1)}
    with torch.inference_mode(), watched(layers) as stages:
        features, logits = network(clips.to(DEVICE))
    check_stages(stages, stages["layer4"], expected)
    assert relative_error(features, expected["output_feature"]) < TOLERANCE
    assert relative_error(features.mean(0, keepdim=True), expected["output_clip"]) < TOLERANCE
    assert relative_error(logits, expected["output_logits"]) < TOLERANCE


def test_published_files_are_those_of_the_layout():
    spec = json.loads((GOLDEN / "slowonly_r50" / "keys.json").read_text())
    assert [(file.name, file.url) for file in FILES] == list(zip(spec["file"], spec["url"], strict=True))
    assert all(file.name.endswith(f"-{file.sha256}.pth") for file in FILES)


def test_a_file_of_another_network_is_refused(tmp_path):
    tensors = {name: torch.zeros(shape) for name, (shape, *_) in layout("i3d_r50_nl")["tensors"].items()}
    torch.save({"state_dict": tensors}, tmp_path / "i3d.pth")
    with pytest.raises(UserError, match=r"not a checkpoint of SlowOnly \(55 unexpected: .*non_local"):
        load_slowonly(tmp_path / "i3d.pth")


def test_a_fine_tuned_file_with_other_classes_is_read(checkpoint, tmp_path):
    content = torch.load(checkpoint, weights_only=True)
    state = content["state_dict"]
    for part in ("weight", "bias"):
        state[f"cls_head.fc_cls.{part}"] = state[f"cls_head.fc_cls.{part}"][:7].clone()
    torch.save(content, tmp_path / "seven.pth")
    assert load_slowonly(tmp_path / "seven.pth").classifier.out_features == 7


def test_random_weights_give_finite_features():
    with torch.inference_mode():
        features, logits = random_slowonly()(torch.rand(1, 3, 4, 64, 64))
    assert (features.shape, logits.shape) == ((1, 2048), (1, 400))
    assert features.isfinite().all()
