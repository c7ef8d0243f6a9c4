import json

import pytest
import torch
from support.golden import GOLDEN, layout
from torch import nn
from torchvision.models.video import SwinTransformer3d

from models.swin.pretrained import MMACTION2
from models.swin.weights import NAMES, load_swin
from utils.weights.rename import rename

pytestmark = pytest.mark.usefixtures("skip_init")


def test_names_are_mapped_as_verified():
    names = json.loads((GOLDEN / "swin_tiny" / "map_torchvision.json").read_text())["map"]
    assert rename({name: name for name in names}, NAMES) == {new: old for old, new in names.items()}


def test_the_published_file_is_that_of_the_layout():
    spec = layout("swin_tiny")
    assert (spec["file"], spec["url"]) == ([MMACTION2.name], [MMACTION2.url])
    assert MMACTION2.name.endswith(f"-{MMACTION2.sha256}.pth")


def test_a_sibling_of_another_size_is_read_by_its_shapes(tmp_path):
    sibling = SwinTransformer3d([2, 4, 4], 24, [1, 2, 3, 1], [1, 2, 4, 8], [8, 7, 7], num_classes=5)
    torch.save(
        {name: torch.zeros_like(tensor) for name, tensor in sibling.state_dict().items()}, tmp_path / "sibling.pth"
    )
    network = load_swin(tmp_path / "sibling.pth")
    assert (network.classifier.in_features, network.classifier.out_features) == (192, 5)
    stages = [network.backbone.features[i] for i in (0, 2, 4, 6)]
    assert [isinstance(stage, nn.Sequential) and len(stage) for stage in stages] == [1, 2, 3, 1]
