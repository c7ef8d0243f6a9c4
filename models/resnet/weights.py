"""How the published weights of ResNet become torchvision's network."""

from pathlib import Path
from typing import cast

from torchvision import models
from torchvision.models import ResNet

from utils.weights.checkpoint import load_strict, read_tensors
from utils.weights.seeded import fill_random


def load_resnet(path: str | Path, model_name: str) -> ResNet:
    """Return the network in evaluation mode, on the CPU, with the classes that the file has.

    Raises:
        UserError: the file is missing, unreadable, or of another network.
    """
    tensors = read_tensors(path)
    classifier = tensors.get("fc.bias")
    n_classes = len(classifier) if classifier is not None and classifier.ndim else 1000
    network = _network(model_name, n_classes)
    load_strict(network, tensors, path)
    return network


def random_resnet(model_name: str) -> ResNet:
    """Return the network with weights that anyone can regenerate and that mean nothing."""
    network = _network(model_name)
    fill_random(network)
    return network


def _network(model_name: str, n_classes: int = 1000) -> ResNet:
    network = models.get_model(model_name, weights=None, num_classes=n_classes)
    return cast(ResNet, network.eval())  # as the names of --model_name say
