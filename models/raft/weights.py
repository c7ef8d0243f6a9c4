"""Loading RAFT from published files."""

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from models.raft.network import ITERATIONS, RAFT
from utils.weights.checkpoint import load_strict, read_tensors
from utils.weights.seeded import fill_random

# published name → torchvision's, all applied in this order
NAMES = (
    (r"^fnet\.", "feature_encoder."),
    (r"^cnet\.", "context_encoder."),
    (r"^(\w+_encoder)\.conv1\.", r"\1.convnormrelu.0."),
    (r"^(\w+_encoder)\.norm1\.", r"\1.convnormrelu.1."),
    (r"^(\w+_encoder)\.conv2\.", r"\1.conv."),
    (r"^(\w+_encoder\.layer\d\.\d)\.conv(\d)\.", r"\1.convnormrelu\2.0."),
    (r"^(\w+_encoder\.layer\d\.\d)\.norm([12])\.", r"\1.convnormrelu\2.1."),
    (r"^update_block\.encoder\.convc(\d)\.", r"update_block.motion_encoder.convcorr\1.0."),
    (r"^update_block\.encoder\.convf(\d)\.", r"update_block.motion_encoder.convflow\1.0."),
    (r"^update_block\.encoder\.conv\.", "update_block.motion_encoder.conv.0."),
    (r"^update_block\.gru\.conv([zrq])([12])\.", r"update_block.recurrent_block.convgru\2.conv\1."),
    (r"^update_block\.mask\.0\.", "mask_predictor.convrelu.0."),
    (r"^update_block\.mask\.2\.", "mask_predictor.conv."),
)
# The norm of a shortcut is saved twice; the authors' code loads in file order, so that downsample.1 counts.
DUPLICATE = re.compile(r"\.norm3\.")
# factors on random weights, see random_raft
RANDOM_SCALES = {"update_block.flow_head.conv2.weight": 0.1, "update_block.flow_head.conv2.bias": 0.1}


def convert(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Published tensors under the names of `RAFT`, which are torchvision's; those stay."""
    state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    if any(name.startswith("feature_encoder.") for name in state):
        return state
    return {_renamed(name): tensor for name, tensor in state.items() if not DUPLICATE.search(name)}


def load_raft(path: str | Path, iterations: int = ITERATIONS) -> RAFT:
    """RAFT with the weights of a file, on the CPU, in evaluation mode, without gradients.

    path: raft-sintel.pth, raft-kitti.pth, another file of that layout, or torchvision's raft_large.

    Raises:
        UserError: the file is missing or has other tensors; the message names them.
    """
    network = RAFT(iterations)
    load_strict(network, convert(read_tensors(path)), path)
    return network.eval().requires_grad_(False)


def random_raft(iterations: int = ITERATIONS) -> RAFT:
    """RAFT with seeded random weights, the same everywhere.

    The last layer of the flow head is scaled down to a tenth. At full scale 20 iterations are chaotic and multiply
    rounding errors by a thousand, so that two machines would not agree.
    """
    network = RAFT(iterations)
    fill_random(network, RANDOM_SCALES)
    return network.eval().requires_grad_(False)


def _renamed(name: str) -> str:
    for pattern, replacement in NAMES:
        name = re.sub(pattern, replacement, name)
    return name
