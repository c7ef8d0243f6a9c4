import os
from pathlib import Path

import numpy as np
import pytest
import torch
from support.golden import layout, seeded_arrays

from models.i3d.pretrained import FLOW, RGB
from models.i3d.weights import from_tensorflow, load_i3d, random_i3d
from utils.errors import UserError
from utils.weights.checkpoint import read_tensors

PARITY = (1e-5, "video_features")
pytestmark = pytest.mark.usefixtures("skip_init")


def test_legacy_container_and_counters(i3d_files: dict[str, Path], tmp_path: Path) -> None:
    tensors = read_tensors(i3d_files["rgb"])
    counters = {name: torch.tensor(7) for name in layout("i3d_rgb")["optional_tensors"]}
    torch.save(tensors | counters, tmp_path / "legacy.pt", _use_new_zipfile_serialization=False)
    network = load_i3d(tmp_path / "legacy.pt", "rgb", *PARITY)
    loaded = network.state_dict()
    assert not network.training
    assert all(torch.equal(loaded[name], value) for name, value in tensors.items())


def test_the_names_of_piergiaj_are_read(i3d_files: dict[str, Path], tmp_path: Path) -> None:
    tensors = read_tensors(i3d_files["rgb"])
    units = {"branch_0": "b0", "branch_3.1": "b3b"}
    units |= {f"branch_{n}.{i}": f"b{n}{'ab'[i]}" for n in (1, 2) for i in (0, 1)}
    renamed = {}
    for name, value in tensors.items():
        for ours, theirs in {**units, "batch3d": "bn", "conv3d_0c_1x1": "logits"}.items():
            name = name.replace(f"{ours}.", f"{theirs}.")
        renamed[name[:1].upper() + name[1:] if name[0] in "cm" else name] = value
    assert {"Conv3d_2b_1x1.bn.running_mean", "Mixed_4c.b2b.conv3d.weight", "logits.conv3d.bias"} <= renamed.keys()
    torch.save(renamed, tmp_path / "rgb_imagenet.pt")
    loaded = load_i3d(tmp_path / "rgb_imagenet.pt", "rgb", *PARITY).state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in tensors.items())


def test_random_network_has_the_seeded_weights(i3d_files: dict[str, Path]) -> None:
    drawn, read = random_i3d("flow", *PARITY), load_i3d(i3d_files["flow"], "flow", *PARITY)
    assert not drawn.training
    read_state = read.state_dict()
    assert all(torch.equal(value, read_state[name]) for name, value in drawn.state_dict().items())


def test_number_of_classes_is_read_off_the_file(i3d_files: dict[str, Path], tmp_path: Path) -> None:
    tensors = read_tensors(i3d_files["rgb"])
    for name in ("conv3d_0c_1x1.conv3d.weight", "conv3d_0c_1x1.conv3d.bias"):
        tensors[name] = tensors[name][:11].clone()
    torch.save(tensors, tmp_path / "eleven.pt")
    assert load_i3d(tmp_path / "eleven.pt", "rgb", *PARITY).conv3d_0c_1x1.conv3d.out_channels == 11


def test_flow_file_as_rgb_is_refused(i3d_files: dict[str, Path]) -> None:
    with pytest.raises(UserError, match=r"i3d_flow.pt.*conv3d_1a_7x7.conv3d.weight \[64, 2, 7, 7, 7\] instead"):
        load_i3d(i3d_files["flow"], "rgb", *PARITY)


def test_missing_and_unexpected_tensors_are_named(i3d_files: dict[str, Path], tmp_path: Path) -> None:
    tensors = read_tensors(i3d_files["rgb"])
    del tensors["mixed_4c.branch_3.1.conv3d.weight"], tensors["conv3d_0c_1x1.conv3d.weight"]
    tensors["fc.weight"] = torch.zeros(1)
    torch.save(tensors, tmp_path / "other.pt")
    with pytest.raises(UserError) as raised:
        load_i3d(tmp_path / "other.pt", "rgb", *PARITY)
    message = str(raised.value)
    assert "2 missing: mixed_4c.branch_3.1.conv3d.weight, conv3d_0c_1x1.conv3d.weight" in message
    assert "1 unexpected: fc.weight" in message


def test_truncated_file_is_refused(i3d_files: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "half.pt").write_bytes(i3d_files["rgb"].read_bytes()[:1_000_000])
    with pytest.raises(UserError, match=r"half.pt"):
        load_i3d(tmp_path / "half.pt", "rgb", *PARITY)


class Payload:
    """Runs a command when unpickled without care."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.target),)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    torch.save({"conv3d_1a_7x7.conv3d.weight": Payload(tmp_path / "ran")}, tmp_path / "evil.pt")
    with pytest.raises(UserError, match=r"evil.pt"):
        load_i3d(tmp_path / "evil.pt", "rgb", *PARITY)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("stream", ["rgb", "flow"])
def test_from_tensorflow_names_every_variable(stream: str) -> None:
    spec = layout(f"i3d_{stream}", "keys_tf.json")
    arrays = {name: np.zeros(shape, np.float32) for name, (shape, _) in spec["tensors"].items()}
    tensors = from_tensorflow(arrays)
    assert set(spec["torch_name_of"].values()) | {n for n in tensors if n.endswith("batch3d.weight")} == set(tensors)
    expected = {name: shape for name, (shape, _) in layout(f"i3d_{stream}")["tensors"].items()}
    assert {name: list(value.shape) for name, value in tensors.items()} == expected


def test_from_tensorflow_keeps_values_and_strange_names() -> None:
    kernel = np.arange(7 * 7 * 7 * 3 * 64, dtype=np.float32).reshape(7, 7, 7, 3, 64)
    tensors = from_tensorflow(
        {
            "RGB/inception_i3d/Conv3d_1a_7x7/conv_3d/w": kernel,
            "RGB/inception_i3d/Conv3d_1a_7x7/batch_norm/beta": np.array([1, 2], np.float32),
            "RGB/inception_i3d/Mixed_3b/Branch_9/Conv3d_0a_1x1/conv_3d/w": np.array([3], np.float32),
        }
    )
    assert tensors["conv3d_1a_7x7.conv3d.weight"][5, 1, 2, 3, 4] == kernel[2, 3, 4, 1, 5]
    assert tensors["conv3d_1a_7x7.batch3d.bias"].tolist() == [1, 2]
    assert tensors["conv3d_1a_7x7.batch3d.weight"].tolist() == [1, 1]
    assert "RGB/inception_i3d/Mixed_3b/Branch_9/Conv3d_0a_1x1/conv_3d/w" in tensors


def test_from_tensorflow_reads_the_layout_of_kinetics_600() -> None:
    prefixed = seeded_arrays("i3d_rgb", "keys_tf.json", "tf")
    bare = {}
    for name, array in prefixed.items():
        name = name.removeprefix("RGB/inception_i3d/")
        bare[name] = array.reshape(1, 1, 1, 1, -1) if "/batch_norm/" in name else array
        bare[name + "/Momentum"] = np.ones_like(bare[name])
    expected, got = from_tensorflow(prefixed), from_tensorflow(bare)
    assert got.keys() == expected.keys()
    assert all(torch.equal(got[name], expected[name]) for name in expected)


def test_published_files_are_told_apart() -> None:
    assert RGB.git_blob != FLOW.git_blob
    for stream, published in (("rgb", RGB), ("flow", FLOW)):
        assert published.name == f"i3d_{stream}.pt"
        assert published.url in layout(f"i3d_{stream}")["source"]
