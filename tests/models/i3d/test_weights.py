import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from support.golden import layout, seeded_arrays

from models.i3d import convert
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


def test_converted_file_holds_what_the_checkpoint_holds(i3d_prefixes: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "flow.pt"
    assert convert.main([str(i3d_prefixes["flow"]), str(out)]) == 0
    assert list(read_tensors(out)) == list(layout("i3d_flow")["tensors"])
    direct = load_i3d(i3d_prefixes["flow"], "flow", *PARITY).state_dict()
    converted = load_i3d(out, "flow", *PARITY).state_dict()
    assert all(torch.equal(converted[name], value) for name, value in direct.items())
    assert [path.name for path in tmp_path.iterdir()] == ["flow.pt"]


def test_converter_refuses_with_a_reason(
    i3d_prefixes: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prefix, present = str(i3d_prefixes["rgb"]), tmp_path / "present.pt"
    present.write_bytes(b"mine")
    assert convert.main([prefix, str(present)]) == 2
    assert "not overwritten" in capsys.readouterr().err
    assert present.read_bytes() == b"mine"
    assert convert.main([str(tmp_path / "model.ckpt"), str(tmp_path / "out.pt")]) == 2
    assert "no such file" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [present]


def test_converter_helps_without_torch() -> None:
    command = "import sys; sys.argv = ['convert', '--help']; import atexit; " + (
        "atexit.register(lambda: print('torch' in sys.modules)); "
        "import runpy; runpy.run_module('models.i3d.convert', run_name='__main__')"
    )
    root = Path(convert.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", command], cwd=root, capture_output=True, text=True, check=True)
    assert "CKPT_PREFIX" in done.stdout and done.stdout.strip().endswith("False")


def test_published_files_are_told_apart() -> None:
    assert RGB.git_blob != FLOW.git_blob
    for stream, published in (("rgb", RGB), ("flow", FLOW)):
        assert published.name == f"i3d_{stream}.pt"
        assert published.url in layout(f"i3d_{stream}")["source"]
