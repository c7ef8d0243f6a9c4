"""Loading R(2+1)D from published files, whose tensors have the network's names."""

from pathlib import Path

from models.r21d.network import R2Plus1D
from utils.weights.checkpoint import load_strict, read_tensors
from utils.weights.seeded import fill_random


def n_layers(model_name: str) -> int:
    """Return the depth in a model's name: r2plus1d_34_8_ig65m_ft_kinetics has 34 layers."""
    return int(model_name.split("_")[1])


def load_r21d(path: str | Path, model_name: str) -> R2Plus1D:
    """Return the network in evaluation mode, on the CPU, with as many classes as the file has.

    Raises:
        UserError: the file cannot be read, or its tensors are not those of the named network.
    """
    tensors = read_tensors(path)
    classes = tensors.get("fc.bias")
    network = R2Plus1D(n_layers(model_name), len(classes) if classes is not None else 400)
    load_strict(network, tensors, path)
    return network.eval()


def random_r21d(model_name: str) -> R2Plus1D:
    """Return the network in evaluation mode with seeded random weights, the same everywhere."""
    network = R2Plus1D(n_layers(model_name))
    fill_random(network)
    return network.eval()
