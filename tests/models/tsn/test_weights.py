import json

import pytest
import torch
from support.golden import GOLDEN, layout

from models.tsn.pretrained import FILES
from models.tsn.weights import NAMES, load_tsn
from utils.errors import UserError
from utils.weights.rename import rename


def test_names_are_mapped_as_verified():
    names = json.loads((GOLDEN / "tsn_r50" / "map_torchvision.json").read_text())["map"]
    assert rename({name: name for name in names}, NAMES) == {new: old for old, new in names.items()}


def test_published_files_are_those_of_the_layout():
    spec = layout("tsn_r50")
    assert [(file.name, file.url) for file in FILES] == list(zip(spec["file"], spec["url"], strict=True))
    assert all(file.name.endswith(f"-{file.sha256}.pth") for file in FILES)


def test_a_file_of_another_network_is_refused(tmp_path):
    tensors = {name: torch.zeros(shape) for name, (shape, *_) in layout("swin_tiny")["tensors"].items()}
    torch.save({"state_dict": tensors}, tmp_path / "swin.pth")
    with pytest.raises(UserError, match=r"not a checkpoint of ResNet \(.*missing: conv1.weight.*unexpected"):
        load_tsn(tmp_path / "swin.pth")
