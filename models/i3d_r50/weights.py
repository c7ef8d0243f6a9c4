"""Loading I3D-R50 from published files."""

from pathlib import Path

from models.i3d_r50.network import I3DR50, N_CLASSES
from utils.weights.checkpoint import load_strict, read_tensors
from utils.weights.rename import count_mmaction2_classes, from_mmaction2
from utils.weights.seeded import fill_random

# Each non-local module is cubic in its input: five in a row overflow float32 unless random weights are scaled down.
RANDOM_SCALES = {
    f"backbone.layer{stage}.{block}.non_local.{layer}.{part}": 2.0**-exponent
    for (stage, block), exponents in {
        (2, 1): (9, 7),
        (2, 3): (10, 8),
        (3, 1): (12, 10),
        (3, 3): (14, 12),
        (3, 5): (15, 14),
    }.items()
    for layer, exponent in zip(("theta", "phi"), exponents, strict=True)
    for part in ("weight", "bias")
}


def load_i3d_r50(path: str | Path) -> I3DR50:
    """Return the network in evaluation mode, on the CPU, with as many classes as the file has.

    Raises:
        UserError: the file cannot be read, or its tensors are not those of I3D-R50 with dot-product modules.
    """
    tensors = read_tensors(path)
    network = I3DR50(count_mmaction2_classes(tensors, N_CLASSES))
    load_strict(network, from_mmaction2(tensors), path)
    return network.eval()


def random_i3d_r50() -> I3DR50:
    """Return the network in evaluation mode with seeded random weights, the same everywhere."""
    network = I3DR50()
    fill_random(network, RANDOM_SCALES)
    return network.eval()
