import json
import pickle

import numpy as np
import pytest
import torch
from support.golden import GOLDEN, layout

from models.i3d_r50.network import I3DR50
from models.i3d_r50.pretrained import BASELINE
from models.i3d_r50.weights import CONVERTED_NAMES, convert_blobs, load_i3d_r50
from utils.errors import UserError
from utils.nn.skip_init import SkipInit
from utils.weights.rename import rename


def test_both_layouts_of_the_baseline_give_the_same_network(baseline_files, baseline):
    other = load_i3d_r50(baseline_files["converted"], "baseline").state_dict()
    assert all(torch.equal(other[name], value.cpu()) for name, value in baseline.state_dict().items())


def test_every_published_name_of_the_baseline_has_its_place():
    with SkipInit():
        state = I3DR50(variant="baseline").state_dict()
    wanted = {name: list(value.shape) for name, value in state.items() if not name.endswith("num_batches_tracked")}
    converted = {name: shape for name, (shape, _) in layout("i3d_r50_baseline", "keys_pth.json")["tensors"].items()}
    assert rename(converted, CONVERTED_NAMES) == wanted
    blobs = {name: shape for name, (shape, _) in layout("i3d_r50_baseline")["tensors"].items()}
    assert convert_blobs(blobs) == wanted


def test_files_of_other_networks_are_refused(tmp_path):
    blobs = {"conv1_w": np.zeros((64, 3, 5, 7, 7), np.float32), "nonlocal_conv3_1_theta_w": np.zeros(3, np.float32)}
    (tmp_path / "nl.pkl").write_bytes(pickle.dumps({"blobs": blobs}, protocol=2))
    with pytest.raises(UserError, match=r"266 missing.*1 unexpected: nonlocal_conv3_1_theta_w"):
        load_i3d_r50(tmp_path / "nl.pkl", "baseline")
    (tmp_path / "text.pkl").write_text("hello")
    with pytest.raises(UserError, match="neither a PyTorch nor a Caffe2 checkpoint"):
        load_i3d_r50(tmp_path / "text.pkl", "baseline")


def test_the_published_baseline_is_that_of_the_layout():
    spec = json.loads((GOLDEN / "i3d_r50_baseline" / "keys.json").read_text())
    assert ([BASELINE.name], [BASELINE.url]) == (spec["file"], spec["url"])
