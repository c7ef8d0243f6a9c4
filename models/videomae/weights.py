"""Loading VideoMAE V2 from published files."""

from pathlib import Path

import torch
from torch import Tensor

from models.videomae.network import N_CLASSES, SPECS, VideoMAE
from utils.errors import UserError
from utils.weights.checkpoint import load_strict, n_classes, read_tensors
from utils.weights.rename import WITHOUT_PREFIXES, rename
from utils.weights.seeded import fill_random

QUERY_BIAS, VALUE_BIAS = "attn.q_bias", "attn.v_bias"


def load_videomae(path: str | Path, model_name: str, dtype: torch.dtype = torch.float32) -> VideoMAE:
    """Return the network in evaluation mode, on the CPU, with as many classes as the file has.

    dtype: of its weights; the file's are converted as they are read.

    Raises:
        UserError: the file cannot be read, its tensors are not those of the named network, or it has lost its biases.
    """
    tensors = convert(read_tensors(path, dtype))
    biases = [value for name, value in tensors.items() if name.endswith("attn.qkv.bias")]
    if biases and not any(bias.any() for bias in biases):  # they are 0 before training only
        raise UserError(f"{path}: q_bias and v_bias are 0 in all blocks, so they were lost: get the file again")
    network = VideoMAE(SPECS[model_name], n_classes(tensors, "head.bias", N_CLASSES))
    load_strict(network, tensors, path, copy=False)
    return network.eval()


def convert(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return published tensors under the network's names: the biases of queries and values as one, with none of keys.

    A bias without the other, or of another shape, stays, for the strict loader to report.
    """
    tensors = rename(tensors, WITHOUT_PREFIXES)
    for name in [name for name in tensors if name.endswith(QUERY_BIAS)]:
        block = name.removesuffix(QUERY_BIAS)
        values = tensors.get(block + VALUE_BIAS)
        if values is not None and tensors[name].ndim == values.ndim == 1:
            queries = tensors.pop(name)
            del tensors[block + VALUE_BIAS]
            tensors[f"{block}attn.qkv.bias"] = torch.cat([queries, torch.zeros_like(queries), values])
    return tensors


def random_videomae(model_name: str) -> VideoMAE:
    """Return the network in evaluation mode with seeded random weights, the same everywhere."""
    network = VideoMAE(SPECS[model_name])
    fill_random(network)
    return network.eval()
