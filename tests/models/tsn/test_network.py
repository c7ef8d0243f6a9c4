import json

import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import GOLDEN, case, check_input, check_stages, golden_clips, layout, relative_error, watched

from models.tsn.pretrained import FILES
from models.tsn.weights import NAMES, load_tsn
from utils.errors import UserError
from utils.weights.rename import rename


@pytest.fixture(scope="module")
def network(tsn_checkpoint):
    return load_tsn(tsn_checkpoint).to(DEVICE)


@pytest.mark.parametrize("name", ["case_5x64x96", "case_2x3x224x224"])
def test_features_and_logits_equal_the_reference(name, network):
    expected, meta = case("tsn_r50", name)
    clips = golden_clips(meta["input"])
    check_input(clips.transpose(1, 2), expected)
    layers = {name: getattr(network.backbone, name) for name in ("layer1", "layer2", "layer3", "layer4")}
    with torch.inference_mode():
        with watched(layers) as stages:
            features, logits = network(clips.to(DEVICE))
        each_frame, _ = network(clips.to(DEVICE).transpose(1, 2).flatten(0, 1)[:, :, None])
    check_stages(stages, stages["layer4"], expected)
    assert relative_error(features, expected["output_clip"]) < TOLERANCE
    assert relative_error(logits, expected["output_logits"]) < TOLERANCE
    assert relative_error(each_frame, expected["output_feature"]) < TOLERANCE


def test_names_are_mapped_as_verified():
    names = json.loads((GOLDEN / "tsn_r50" / "map_torchvision.json").read_text())["map"]
    assert rename({name: name for name in names}, NAMES) == {new: old for old, new in names.items()}


def test_published_files_are_those_of_the_layout():
    spec = layout("tsn_r50")
    assert [(file.name, file.url) for file in FILES] == list(zip(spec["file"], spec["url"], strict=True))
    assert all(file.name.endswith(f"-{file.sha256}.pth") for file in FILES)


def test_a_fine_tuned_file_with_other_classes_is_read(tsn_checkpoint, tmp_path):
    content = torch.load(tsn_checkpoint, weights_only=True)
    for name, tensor in content["state_dict"].items():
        if name.startswith("cls_head."):
            content["state_dict"][name] = tensor[:7].clone()
    torch.save(content, tmp_path / "seven.pth")
    assert load_tsn(tmp_path / "seven.pth").classifier.out_features == 7


def test_a_file_of_another_network_is_refused(tmp_path):
    tensors = {name: torch.zeros(shape) for name, (shape, *_) in layout("swin_tiny")["tensors"].items()}
    torch.save({"state_dict": tensors}, tmp_path / "swin.pth")
    with pytest.raises(UserError, match=r"not a checkpoint of ResNet \(.*missing: conv1.weight.*unexpected"):
        load_tsn(tmp_path / "swin.pth")
