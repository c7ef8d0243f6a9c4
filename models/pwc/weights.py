"""Loading PWC-Net from published files."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from models.pwc.network import PWCNet
from utils.weights.checkpoint import load_strict, read_tensors
from utils.weights.seeded import fill_random


def convert(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Published tensors under the names of `PWCNet`, which are those of the published file ("module...").

    Newer code of the same authors saves the same tensors with "net" in place of "module".
    """
    if all(name.startswith("net") for name in state):
        return {name.replace("net", "module"): tensor for name, tensor in state.items()}
    return dict(state)


def load_pwc(path: str | Path, align_corners: bool = True) -> PWCNet:
    """PWC-Net with the weights of a file, on the CPU, in evaluation mode, without gradients.

    path: pwc_net_sintel.pt, network-default.pytorch, or another file of that layout.
    align_corners: see `PWCNet`.

    Raises:
        UserError: the file is missing or has other tensors; the message names them.
    """
    network = PWCNet(align_corners)
    load_strict(network, convert(read_tensors(path)), path)
    return network.eval().requires_grad_(False)


def random_pwc() -> PWCNet:
    """PWC-Net with seeded random weights, the same everywhere."""
    network = PWCNet()
    fill_random(network)
    return network.eval().requires_grad_(False)
