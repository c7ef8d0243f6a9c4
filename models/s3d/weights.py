"""Loading S3D from published files, in kylemin's and torchvision's layout."""

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from models.s3d.howto100m import HowTo100MS3D
from models.s3d.network import S3D
from utils.weights.checkpoint import load_strict, n_classes, read_tensors
from utils.weights.rename import rename
from utils.weights.seeded import fill_random

# name in kylemin's layout → torchvision's, all applied in this order
NAMES = (
    (r"^(base\.\d+\.branch0)\.0\.", r"\1."),
    (r"^base\.", "features."),
    (r"^fc\.0\.", "classifier.1."),
    (r"\.conv_s\.", ".0.0."),
    (r"\.bn_s\.", ".0.1."),
    (r"\.conv_t\.", ".1.0."),
    (r"\.bn_t\.", ".1.1."),
    (r"\.conv\.", ".0."),
    (r"\.bn\.", ".1."),
)
HOWTO100M_TEXT = "text_module."  # left out
HOWTO100M_NAMES = ((r"fc\.", "classifier."),)


def convert(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return published tensors under torchvision's names, which the network has; those stay."""
    return {_renamed(name): tensor for name, tensor in state.items()}


def load_s3d(path: str | Path) -> S3D:
    """Return the network in evaluation mode, on the CPU, with as many classes as the file has.

    path: S3D_kinetics400_torchified.pt, kylemin's S3D_kinetics400.pt, or torchvision's s3d-d76dad2f.pth.

    Raises:
        UserError: the file cannot be read, or its tensors are not those of S3D.
    """
    tensors = convert(read_tensors(path))
    network = S3D(n_classes(tensors, "classifier.1.bias", 400))
    load_strict(network, tensors, path)
    return network.eval()


def random_s3d() -> S3D:
    """Return the network in evaluation mode with seeded random weights, the same everywhere."""
    network = S3D()
    fill_random(network)
    return network.eval()


def load_howto100m(path: str | Path) -> HowTo100MS3D:
    """Return the network of s3d_howto100m.pth in evaluation mode, on the CPU.

    Raises:
        UserError: the file cannot be read, or its tensors are not those of this network.
    """
    tensors = {name: value for name, value in read_tensors(path).items() if not name.startswith(HOWTO100M_TEXT)}
    network = HowTo100MS3D()
    load_strict(network, rename(tensors, HOWTO100M_NAMES), path)
    return network.eval()


def random_howto100m() -> HowTo100MS3D:
    """Return the network in evaluation mode with seeded random weights, the same everywhere."""
    network = HowTo100MS3D()
    fill_random(network)
    return network.eval()


def _renamed(name: str) -> str:
    for pattern, replacement in NAMES:
        name = re.sub(pattern, replacement, name)
    return name
