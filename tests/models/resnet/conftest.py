import pytest
import torch
from torchvision import models

from utils.weights.seeded import fill_random


@pytest.fixture(scope="package")
def published(tmp_path_factory):
    """torchvision's ResNet-18 with seeded weights, and a file of it in the published layout: a bare state dict."""
    network = models.resnet18().eval()
    fill_random(network)
    path = tmp_path_factory.mktemp("resnet") / "resnet18-f37072fd.pth"
    torch.save(network.state_dict(), path)
    return network, path
