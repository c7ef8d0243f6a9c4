import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support.golden import layout

from models.i3d import convert
from models.i3d.weights import load_i3d
from utils.weights.checkpoint import read_tensors

PARITY = (1e-5, "video_features")
pytestmark = pytest.mark.usefixtures("skip_init")


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
