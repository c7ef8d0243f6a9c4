import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import case, check_input, check_stages, golden_clips, relative_error, watched

from models.tsn.weights import load_tsn


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


def test_a_fine_tuned_file_with_other_classes_is_read(tsn_checkpoint, tmp_path):
    content = torch.load(tsn_checkpoint, weights_only=True)
    for name, tensor in content["state_dict"].items():
        if name.startswith("cls_head."):
            content["state_dict"][name] = tensor[:7].clone()
    torch.save(content, tmp_path / "seven.pth")
    assert load_tsn(tmp_path / "seven.pth").classifier.out_features == 7
