"""The baseline's checkpoint with seeded weights in both published layouts, and its network, once for all tests."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from support.device import DEVICE
from support.golden import seeded_arrays, write_checkpoint

from models.i3d_r50.network import I3DR50
from models.i3d_r50.weights import load_i3d_r50
from utils.nn.skip_init import SkipInit


@pytest.fixture(scope="package")
def baseline_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Layout -> its file, both with the same weights."""
    folder = tmp_path_factory.mktemp("baseline")
    blobs: dict[str, object] = dict(seeded_arrays("i3d_r50_baseline"))
    blobs |= {"conv1_w_momentum": np.zeros(3, np.float32), "model_iter": 400000, "lr": 1e-4}
    caffe2 = folder / "i3d_baseline_32x2_IN_pretrain_400k.pkl"
    caffe2.write_bytes(pickle.dumps({"blobs": blobs}, protocol=2))
    return {"caffe2": caffe2, "converted": write_checkpoint(folder / "i3d.pth", "i3d_r50_baseline", "keys_pth.json")}


@pytest.fixture(scope="package")
def baseline(baseline_files: dict[str, Path]) -> I3DR50:
    """The network with the weights of the Caffe2 pickle."""
    with SkipInit():
        return load_i3d_r50(baseline_files["caffe2"], "baseline").to(DEVICE)
