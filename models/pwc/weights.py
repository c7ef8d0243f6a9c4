"""How the published weights of PWC-Net get into the network."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from models.pwc.network import PWCNet
from utils.weights.checkpoint import load_strict, read_tensors
from utils.weights.seeded import fill_random


def convert(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Published tensors under the names of `PWCNet`, which are those of the published file (module...).

    The newer code of the same source saves the same tensors under names with "net" for "module".
    """
    if all(name.startswith("net") for name in state):
        return {name.replace("net", "module"): tensor for name, tensor in state.items()}
    return dict(state)


def load_pwc(path: str | Path, align_corners: bool = True) -> PWCNet:
    """PWC-Net with the weights of a file, on the CPU, in evaluation mode, not to be trained.

    path: pwc_net_sintel.pt, network-default.pytorch or any file of that layout.
    align_corners: see `PWCNet`.

    Raises:
        UserError: the file is missing or holds other tensors; the message names them.
    """
    network = PWCNet(align_corners)
    load_strict(network, convert(read_tensors(path)), path)
    return network.eval().requires_grad_(False)


def random_pwc() -> PWCNet:
    """PWC-Net with the weights of the recipe, the same on every machine; its flow means nothing."""
    network = PWCNet()
    fill_random(network)
    return network.eval().requires_grad_(False)
