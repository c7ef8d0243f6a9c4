import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import case, check_input, check_stages, golden_clips, layout, relative_error, watched

from models.swin.weights import NAMES, load_swin
from utils.errors import UserError
from utils.weights.rename import rename

pytestmark = pytest.mark.usefixtures("skip_init")


@pytest.fixture(scope="module")
def network(swin_checkpoint):
    return load_swin(swin_checkpoint).to(DEVICE)


@pytest.mark.parametrize("name", ["case_2x32x64x64", "case_1x20x90x150", "case_1x32x224x224"])
def test_features_and_logits_equal_the_reference(name, network):
    expected, meta = case("swin_tiny", name)
    clips = golden_clips(meta["input"])
    check_input(clips, expected)
    backbone = network.backbone
    modules = {"patch_embed": backbone.patch_embed, "last": backbone.norm}
    modules |= {f"stage{i}": backbone.features[2 * i] for i in range(4)}
    with torch.inference_mode(), watched(modules) as tokens:
        features, logits = network(clips.to(DEVICE))
    maps = {name: one.movedim(-1, 1) for name, one in tokens.items()}
    last = maps.pop("last")
    check_stages(maps, last, expected)
    assert relative_error(features, expected["output_feature"]) < TOLERANCE
    assert relative_error(logits, expected["output_logits"]) < TOLERANCE


def same(ours, theirs):
    return all(torch.equal(ours.state_dict()[name], tensor) for name, tensor in theirs.state_dict().items())


def test_other_layouts_of_the_same_network_are_read(network, swin_tensors, tmp_path):
    authors = {name.replace("backbone.norm3.", "backbone.norm."): tensor for name, tensor in swin_tensors.items()}
    torchvision = rename(swin_tensors, NAMES)
    for layout_name, tensors in (("authors", {"state_dict": authors}), ("torchvision", torchvision)):
        torch.save(tensors, tmp_path / f"{layout_name}.pth")
        assert same(load_swin(tmp_path / f"{layout_name}.pth").to(DEVICE), network)


def test_a_fine_tuned_file_with_other_classes_is_read(swin_tensors, tmp_path):
    tensors = {name: tensor[:7].clone() if "fc_cls" in name else tensor for name, tensor in swin_tensors.items()}
    torch.save({"state_dict": tensors}, tmp_path / "seven.pth")
    assert load_swin(tmp_path / "seven.pth").classifier.out_features == 7


def test_a_file_of_another_network_is_refused(swin_tensors, tmp_path):
    tensors = {name: torch.zeros(shape) for name, (shape, *_) in layout("tsn_r50")["tensors"].items()}
    torch.save({"state_dict": tensors}, tmp_path / "tsn.pth")
    with pytest.raises(UserError, match=r"tsn.pth: not a checkpoint of Video Swin .*patch_embed"):
        load_swin(tmp_path / "tsn.pth")
    cut = {name: tensor for name, tensor in swin_tensors.items() if name != "backbone.layers.0.blocks.1.norm1.bias"}
    torch.save({"state_dict": cut}, tmp_path / "cut.pth")
    with pytest.raises(UserError, match=r"1 missing: features.0.1.norm1.bias"):
        load_swin(tmp_path / "cut.pth")
