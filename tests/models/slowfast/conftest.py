"""Checkpoints with seeded weights in the three published layouts, and the network, once for all tests of SlowFast."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from support.device import DEVICE
from support.golden import layout, seeded_arrays

from models.slowfast.network import SlowFast
from models.slowfast.weights import load_slowfast
from utils.nn.skip_init import SkipInit


@pytest.fixture(scope="package")
def slowfast_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Layout -> its file, all with the same weights."""
    folder = tmp_path_factory.mktemp("slowfast")
    drawn = seeded_arrays("slowfast_r50", "keys_pytorchvideo.json")
    pyslowfast = dict(zip(layout("slowfast_r50", "keys_pyslowfast.json")["tensors"], drawn.values(), strict=True))
    blobs = {blob: pyslowfast[name] for blob, (*_, name) in layout("slowfast_r50", "keys_caffe2.json")["blobs"].items()}
    blobs |= {"conv1_w_momentum": blobs["conv1_w"], "lr": np.float32(0.1), "model_iter": np.array([7])}
    files = {
        "pytorchvideo": folder / "SLOWFAST_8x8_R50.pyth",
        "pyslowfast": folder / "checkpoint_epoch_00196.pyth",
        "caffe2": folder / "SLOWFAST_8x8_R50.pkl",
    }
    for name, arrays in (("pytorchvideo", drawn), ("pyslowfast", pyslowfast)):
        state = {key: torch.from_numpy(array) for key, array in arrays.items()}
        torch.save({"epoch": 196, "model_state": state, "optimizer_state": {}, "cfg": "TRAIN: ..."}, files[name])
    files["caffe2"].write_bytes(pickle.dumps({"blobs": blobs}, protocol=2))
    return files


@pytest.fixture(scope="package")
def slowfast(slowfast_files: dict[str, Path]) -> SlowFast:
    """The network with the weights of pytorchvideo's layout."""
    with SkipInit():
        return load_slowfast(slowfast_files["pytorchvideo"]).to(DEVICE)
