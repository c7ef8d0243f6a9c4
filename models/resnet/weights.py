"""Loading torchvision's ResNets from published files."""

from pathlib import Path
from typing import cast

from utils.nn.lean_torchvision import torchvision
from utils.weights.checkpoint import load_strict, read_tensors
from utils.weights.seeded import fill_random


def load_resnet(path: str | Path, model_name: str) -> torchvision.models.ResNet:
    """Return the network in evaluation mode, on the CPU, with as many classes as the file has.

    Raises:
        UserError: the file is missing, unreadable, or of another network.
    """
    tensors = read_tensors(path)
    classifier = tensors.get("fc.bias")
    n_classes = len(classifier) if classifier is not None and classifier.ndim else 1000
    network = _network(model_name, n_classes)
    load_strict(network, tensors, path)
    return network


def random_resnet(model_name: str) -> torchvision.models.ResNet:
    """Return the network in evaluation mode with seeded random weights, the same everywhere."""
    network = _network(model_name)
    fill_random(network)
    return network


def _network(model_name: str, n_classes: int = 1000) -> torchvision.models.ResNet:
    network = torchvision.models.get_model(model_name, weights=None, num_classes=n_classes)
    return cast(torchvision.models.ResNet, network.eval())  # which the names of --model_name are
