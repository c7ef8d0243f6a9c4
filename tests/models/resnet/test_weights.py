import pytest
import torch
from torchvision import models

from models.resnet.weights import load_resnet
from utils.errors import UserError
from utils.weights.seeded import fill_random


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """torchvision's ResNet-18 with seeded weights, and a file of it in the published layout: a bare state dict."""
    network = models.resnet18().eval()
    fill_random(network)
    path = tmp_path_factory.mktemp("resnet") / "resnet18-f37072fd.pth"
    torch.save(network.state_dict(), path)
    return network, path


def test_any_number_of_classes_is_read_off_the_file(published, tmp_path):
    tensors = published[0].state_dict() | {"fc.weight": torch.zeros(7, 512), "fc.bias": torch.zeros(7)}
    torch.save({"state_dict": tensors}, tmp_path / "tuned.pth")
    assert load_resnet(tmp_path / "tuned.pth", "resnet18").fc.out_features == 7


def test_a_file_of_another_depth_is_refused(published):
    with pytest.raises(UserError, match=r"resnet18-f37072fd\.pth: not a checkpoint of ResNet \(.*missing: layer1\.2"):
        load_resnet(published[1], "resnet34")
