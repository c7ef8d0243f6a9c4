import pytest
import torch

from models.resnet.weights import load_resnet
from utils.errors import UserError


def test_any_number_of_classes_is_read_off_the_file(published, tmp_path):
    tensors = published[0].state_dict() | {"fc.weight": torch.zeros(7, 512), "fc.bias": torch.zeros(7)}
    torch.save({"state_dict": tensors}, tmp_path / "tuned.pth")
    assert load_resnet(tmp_path / "tuned.pth", "resnet18").fc.out_features == 7


def test_a_file_of_another_depth_is_refused(published):
    with pytest.raises(UserError, match=r"resnet18-f37072fd\.pth: not a checkpoint of ResNet \(.*missing: layer1\.2"):
        load_resnet(published[1], "resnet34")
