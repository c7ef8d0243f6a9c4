"""Loading R(2+1)D from published files: torchvision's and IG-65M's have the network's names, TSP's others."""

from pathlib import Path

from torch import Tensor

from models.r21d.network import R2Plus1D
from utils.weights.checkpoint import load_strict, n_classes, read_tensors
from utils.weights.rename import rename
from utils.weights.seeded import fill_random

# TSP (HumamAlwassel/TSP) → the network's; fc1 tells actions, fc2 actions from background, with a global feature
TSP_NAMES = ((r"features\.", ""), (r"fc1\.", "fc."))
TSP_SECOND_HEAD = "fc2."


def n_layers(model_name: str) -> int:
    """Return the depth in a model's name: r2plus1d_34_8_ig65m_ft_kinetics has 34 layers."""
    return int(model_name.split("_")[1])


def load_r21d(path: str | Path, model_name: str) -> R2Plus1D:
    """Return the network in evaluation mode, on the CPU, with as many classes as the file has.

    Raises:
        UserError: the file cannot be read, or its tensors are not those of the named network.
    """
    tensors = convert(read_tensors(path))
    network = R2Plus1D(n_layers(model_name), n_classes(tensors, "fc.bias", 400))
    load_strict(network, tensors, path)
    return network.eval()


def convert(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of any of the layouts under the network's names."""
    return rename({name: value for name, value in tensors.items() if not name.startswith(TSP_SECOND_HEAD)}, TSP_NAMES)


def random_r21d(model_name: str) -> R2Plus1D:
    """Return the network in evaluation mode with seeded random weights, the same everywhere."""
    network = R2Plus1D(n_layers(model_name))
    fill_random(network)
    return network.eval()
