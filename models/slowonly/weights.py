"""Loading SlowOnly from published files."""

from pathlib import Path

from models.slowonly.network import N_CLASSES, SlowOnly
from utils.weights.checkpoint import load_strict, read_tensors
from utils.weights.rename import count_mmaction2_classes, from_mmaction2
from utils.weights.seeded import fill_random


def load_slowonly(path: str | Path) -> SlowOnly:
    """Return the network in evaluation mode, on the CPU, with as many classes as the file has.

    Raises:
        UserError: the file cannot be read, or its tensors are not those of SlowOnly R50.
    """
    tensors = read_tensors(path)
    network = SlowOnly(count_mmaction2_classes(tensors, N_CLASSES))
    load_strict(network, from_mmaction2(tensors), path)
    return network.eval()


def random_slowonly() -> SlowOnly:
    """Return the network in evaluation mode with seeded random weights, the same everywhere."""
    network = SlowOnly()
    fill_random(network)
    return network.eval()
