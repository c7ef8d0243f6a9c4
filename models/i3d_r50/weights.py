"""Loading I3D-R50 from published files: mmaction2's, or the baseline's in two layouts."""

import re
from pathlib import Path

import torch
from torch import Tensor

from models.i3d_r50.network import I3DR50, N_CLASSES
from utils.weights.checkpoint import load_strict, read_tensors
from utils.weights.formats.torch_pickle import is_torch_file, read_caffe2_blobs
from utils.weights.rename import from_mmaction2, rename
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
CONVERTED_NAMES = (  # of the baseline as the field's converter writes it → ours
    (r"conv1\.", "backbone.conv1.conv."),
    (r"bn1\.", "backbone.conv1.bn."),
    (r"(layer\d\.\d)\.conv(\d)\.", r"backbone.\1.conv\2.conv."),
    (r"(layer\d\.\d)\.bn(\d)\.", r"backbone.\1.conv\2.bn."),
    (r"(layer\d\.\d)\.downsample\.0\.", r"backbone.\1.downsample.conv."),
    (r"(layer\d\.\d)\.downsample\.1\.", r"backbone.\1.downsample.bn."),
    (r"fc\.", "classifier."),
)
CAFFE2_BLOCK = re.compile(r"res([2-5])_(\d)_branch(?:1|2([abc]))(_bn)?")
CAFFE2_LAYERS = {"conv1": "backbone.conv1.conv", "res_conv1_bn": "backbone.conv1.bn", "pred": "classifier"}
CAFFE2_PARTS = {"w": "weight", "s": "weight", "b": "bias", "rm": "running_mean", "riv": "running_var"}
CAFFE2_TRAINING = re.compile(r".*_momentum|model_iter|lr")  # blobs that are not of the network


def load_i3d_r50(path: str | Path, variant: str = "non_local") -> I3DR50:
    """Return the network in evaluation mode, on the CPU, with as many classes as the file has.

    Raises:
        UserError: the file cannot be read, or its tensors are not those of this variant.
    """
    tensors = _read_baseline(path) if variant == "baseline" else from_mmaction2(read_tensors(path))
    weight = tensors.get("classifier.weight")
    network = I3DR50(weight.shape[0] if weight is not None and weight.ndim else N_CLASSES, variant)
    load_strict(network, tensors, path)
    return network.eval()


def random_i3d_r50(variant: str = "non_local") -> I3DR50:
    """Return the network in evaluation mode with seeded random weights, the same everywhere."""
    network = I3DR50(variant=variant)
    fill_random(network, RANDOM_SCALES)
    return network.eval()


def convert_blobs(blobs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the blobs of a Caffe2 file under our names, without those of the training; unknown names stay."""
    return {_from_caffe2(name): value for name, value in blobs.items() if not CAFFE2_TRAINING.fullmatch(name)}


def _read_baseline(path: str | Path) -> dict[str, Tensor]:
    if is_torch_file(path):
        return rename(read_tensors(path), CONVERTED_NAMES)
    return convert_blobs({name: torch.from_numpy(array) for name, array in read_caffe2_blobs(path).items()})


def _from_caffe2(name: str) -> str:
    """Return our name of a blob, or its own if it is not of the baseline."""
    layer, _, part = name.rpartition("_")
    if part not in CAFFE2_PARTS:
        return name
    if match := CAFFE2_BLOCK.fullmatch(layer):
        stage, block, letter, norm = match.groups()
        convolution = f"conv{'abc'.index(letter) + 1}" if letter else "downsample"
        ours = f"backbone.layer{int(stage) - 1}.{block}.{convolution}.{'bn' if norm else 'conv'}"
    elif (ours := CAFFE2_LAYERS.get(layer)) is None:
        return name
    return f"{ours}.{CAFFE2_PARTS[part]}"
