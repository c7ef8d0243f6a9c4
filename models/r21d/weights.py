"""The published weights of R(2+1)D: their names are those of the network."""

from pathlib import Path

from models.r21d.network import R2Plus1D
from utils.weights.checkpoint import load_strict, read_tensors
from utils.weights.seeded import fill_random


def n_layers(model_name: str) -> int:
    """Return the depth that a model's name tells: r2plus1d_34_8_ig65m_ft_kinetics has 34 layers."""
    return int(model_name.split("_")[1])


def load_r21d(path: str | Path, model_name: str) -> R2Plus1D:
    """Return the network in evaluation mode, on the CPU, with the classes that the file has.

    Raises:
        UserError: the file cannot be read, or its tensors are not those of the named network.
    """
    tensors = read_tensors(path)
    classes = tensors.get("fc.bias")
    network = R2Plus1D(n_layers(model_name), len(classes) if classes is not None else 400)
    load_strict(network, tensors, path)
    return network.eval()


def random_r21d(model_name: str) -> R2Plus1D:
    """Return a network in evaluation mode whose weights mean nothing, the same ones every time."""
    network = R2Plus1D(n_layers(model_name))
    fill_random(network)
    return network.eval()
