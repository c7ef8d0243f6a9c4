"""Loading SlowFast 8x8 from published files, in three layouts."""

import re
from pathlib import Path

import torch
from torch import Tensor

from models.slowfast.network import N_CLASSES, SlowFast
from utils.weights.checkpoint import load_strict, read_tensors
from utils.weights.formats.torch_pickle import is_torch_file, read_caffe2_blobs
from utils.weights.seeded import fill_random

PATHWAYS = ("slow", "fast")  # published files number them in this order
CONVS = {"a": "conv1", "b": "conv2", "c": "conv3"}  # of a block

# pytorchvideo (facebookresearch/pytorchvideo): names of layers, without "weight", "running_mean", …
PYTORCHVIDEO_STEM = re.compile(r"blocks\.0\.multipathway_blocks\.([01])\.(conv|norm)")
PYTORCHVIDEO_FUSION = re.compile(r"blocks\.([0-3])\.multipathway_fusion\.(conv|norm)(?:_fast_to_slow)?")
PYTORCHVIDEO_BLOCK = re.compile(
    r"blocks\.([1-4])\.multipathway_blocks\.([01])\.res_blocks\.(\d+)\.(?:branch1_(conv|norm)|branch2\.(conv|norm)_([abc]))"
)
# PySlowFast (facebookresearch/SlowFast)
PYSLOWFAST_STEM = re.compile(r"s1\.pathway([01])_stem\.(conv|bn)")
PYSLOWFAST_FUSION = re.compile(r"s([1-4])_fuse\.(conv_f2s|bn)")
PYSLOWFAST_BLOCK = re.compile(r"s([2-5])\.pathway([01])_res(\d+)\.(?:branch1(_bn)?|branch2\.([abc])(_bn)?)")
# Caffe2: names of blobs, without "w", "s", "rm", …
CAFFE2_FUSIONS = {
    "t_pool1": 0,
    "t_res2_2_branch2c_bn": 1,  # named after the fast pathway's last layer before them
    "t_res3_3_branch2c_bn": 2,
    "t_res4_5_branch2c_bn": 3,
}
CAFFE2_BLOCK = re.compile(r"res([2-5])_(\d)_branch(?:1|2([abc]))(_bn)?")
CAFFE2_PARTS = {"w": "weight", "s": "weight", "b": "bias", "rm": "running_mean", "riv": "running_var"}


def load_slowfast(path: str | Path, depth: int = 50) -> SlowFast:
    """Return the network in evaluation mode, on the CPU, with as many classes as the file has.

    path: a file of pytorchvideo, of PySlowFast, or PySlowFast's Caffe2 pickle, told apart by content.

    Raises:
        UserError: the file cannot be read, or its tensors are not those of SlowFast 8x8 with this depth.
    """
    tensors = _read(path)
    head = tensors.get("classifier.weight")
    network = SlowFast(head.shape[0] if head is not None and head.ndim else N_CLASSES, depth)
    load_strict(network, tensors, path)
    return network.eval()


def random_slowfast(depth: int = 50) -> SlowFast:
    """Return the network in evaluation mode with seeded random weights, the same everywhere."""
    network = SlowFast(depth=depth)
    fill_random(network)
    return network.eval()


def convert(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors of pytorchvideo or PySlowFast under our names; unknown names stay, for the strict loader."""
    renamed: dict[str, Tensor] = {}
    for name, value in tensors.items():
        layer, _, part = name.rpartition(".")
        ours = _from_pytorchvideo(layer) or _from_pyslowfast(layer)
        renamed[f"{ours}.{part}" if ours else name] = value
    return renamed


def convert_blobs(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the blobs of a Caffe2 file under our names, without those of the training (momentum, lr, …)."""
    renamed: dict[str, Tensor] = {}
    for name, value in tensors.items():
        layer, _, part = name.rpartition("_")
        ours = _from_caffe2(layer)
        if ours and part in CAFFE2_PARTS:
            renamed[f"{ours}.{CAFFE2_PARTS[part]}"] = value
    return renamed


def _read(path: str | Path) -> dict[str, Tensor]:
    if is_torch_file(path):
        return convert(read_tensors(path))
    blobs = {name: torch.from_numpy(array) for name, array in read_caffe2_blobs(path).items()}
    return convert_blobs(blobs) or blobs


def _from_pytorchvideo(layer: str) -> str | None:
    if layer == "blocks.6.proj":
        return "classifier"
    if match := PYTORCHVIDEO_STEM.fullmatch(layer):
        return f"{PATHWAYS[int(match[1])]}.conv1.{_leaf(match[2] == 'norm')}"
    if match := PYTORCHVIDEO_FUSION.fullmatch(layer):
        return f"fusions.{match[1]}.{_leaf(match[2] == 'norm')}"
    if match := PYTORCHVIDEO_BLOCK.fullmatch(layer):
        stage, pathway, block, shortcut, main, conv = match.groups()
        return _block(int(pathway), int(stage), block, conv, (shortcut or main) == "norm")
    return None


def _from_pyslowfast(layer: str) -> str | None:
    if layer == "head.projection":
        return "classifier"
    if match := PYSLOWFAST_STEM.fullmatch(layer):
        return f"{PATHWAYS[int(match[1])]}.conv1.{_leaf(match[2] == 'bn')}"
    if match := PYSLOWFAST_FUSION.fullmatch(layer):
        return f"fusions.{int(match[1]) - 1}.{_leaf(match[2] == 'bn')}"
    if match := PYSLOWFAST_BLOCK.fullmatch(layer):
        stage, pathway, block, shortcut_bn, conv, conv_bn = match.groups()
        return _block(int(pathway), int(stage) - 1, block, conv, bool(shortcut_bn or conv_bn))
    return None


def _from_caffe2(layer: str) -> str | None:
    if layer == "pred":
        return "classifier"
    stem, found, end = layer.partition("_subsample")
    if found:
        place = CAFFE2_FUSIONS.get(stem)
        return f"fusions.{place}.{_leaf(end == '_bn')}" if place is not None else None
    pathway = int(layer.startswith("t_"))
    layer = layer.removeprefix("t_")
    if layer in ("conv1", "res_conv1_bn"):
        return f"{PATHWAYS[pathway]}.conv1.{_leaf(layer != 'conv1')}"
    if match := CAFFE2_BLOCK.fullmatch(layer):
        stage, block, conv, is_norm = match.groups()
        return _block(pathway, int(stage) - 1, block, conv, bool(is_norm))
    return None


def _block(pathway: int, stage: int, block: str, conv: str | None, is_norm: bool) -> str:
    """Return our name of a block's layer. conv: a, b or c; None for the shortcut."""
    return f"{PATHWAYS[pathway]}.layer{stage}.{block}.{CONVS[conv] if conv else 'downsample'}.{_leaf(is_norm)}"


def _leaf(is_norm: bool) -> str:
    return "bn" if is_norm else "conv"
