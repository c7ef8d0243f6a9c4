"""Checkpoints of CLIP in their published layout: TorchScript archives."""

import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from support.golden import layout
from torch import nn

from utils.weights import seeded


class Holder(nn.Module):
    """A module with nothing but tensors and other such modules."""

    def forward(self):
        return 0


def drawn_float16(name, shape):
    """Return a weight or a bias as seeded.draw draws it, but rounded once: by way of float32, some end a digit away."""
    assert len(shape) > 1 or not name.endswith("weight")
    scale = (2 / np.prod(shape[1:])) ** 0.5 if len(shape) > 1 else 0.1
    return np.random.default_rng(zlib.crc32(name.encode())).normal(0, scale, shape).astype(np.float16)


def seeded_tensors(keys):
    """Return the published tensors: seeded ones for the image tower, zeros for the rest, which nothing reads."""
    tensors = {}
    for name, (shape, dtype, *value) in layout("clip", keys)["tensors"].items():
        if name.startswith("visual.") and dtype.startswith("float"):
            array = drawn_float16(name, shape) if dtype == "float16" else seeded.draw(name, tuple(shape))
        else:
            array = np.full(shape, value[0] if value else 0, dtype)
        tensors[name] = torch.from_numpy(array)
    return tensors


def write_archive(path: Path, tensors: Mapping[str, torch.Tensor]) -> Path:
    """Write tensors as torch.jit.save does, under their dotted names."""
    root = Holder()
    for name, tensor in tensors.items():
        *parents, leaf = name.split(".")
        module: nn.Module = root
        for parent in parents:
            if not hasattr(module, parent):
                module.add_module(parent, Holder())
            module = module.get_submodule(parent)
        if tensor.is_floating_point():
            module.register_parameter(leaf, nn.Parameter(tensor, requires_grad=False))
        else:
            module.register_buffer(leaf, tensor)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, but published files are written in it
        torch.jit.save(torch.jit.script(root), str(path))
    return path


@pytest.fixture(scope="package")
def clip_files(tmp_path_factory):
    """Return a function from a golden model's name to its archive, written once."""
    folder = tmp_path_factory.mktemp("clip")

    def file(name):
        path = folder / f"{name}.pt"
        return path if path.exists() else write_archive(path, seeded_tensors(f"keys_{name}.json"))

    return file
