import pickle
import warnings
import zipfile

import pytest
import torch
from torch import nn

from utils.errors import UserError
from utils.weights.checkpoint import read_tensors
from utils.weights.formats.torchscript import is_archive, read_archive


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 3).half(), nn.BatchNorm2d(4))
        self.register_buffer("resolution", torch.tensor(224))
        self.register_buffer("turned", torch.arange(6.0).view(2, 3).t())
        self.shared = self.layers[0].weight
        self.empty = nn.Parameter(torch.zeros(0, 3))
        self.numbers, self.text, self.pair = [1, 2], "a", (1.5, "b")

    def forward(self, x):
        return self.layers[1](x)


@pytest.fixture(params=["scripted", "traced"])
def small(request, tmp_path):
    """An archive and the state dict that PyTorch finds in it."""
    path = tmp_path / "small.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated
        module = Small().eval()
        inputs = torch.zeros(1, 4, 5, 5)
        torch.jit.save(
            torch.jit.script(module) if request.param == "scripted" else torch.jit.trace(module, inputs), path
        )
        return path, torch.jit.load(path).state_dict()


def test_tensors_are_those_that_pytorch_reads(small):
    path, expected = small
    assert is_archive(path)
    for tensors in (read_archive(path), read_tensors(path)):
        assert tensors.keys() == expected.keys()
        assert all(torch.equal(tensors[name], value) for name, value in expected.items())
        assert all(tensors[name].dtype == value.dtype for name, value in expected.items())


def test_other_files_are_not_archives(tmp_path):
    torch.save({"a": torch.zeros(3)}, tmp_path / "state.pt")
    (tmp_path / "text.pt").write_text("PK, but no zip")
    assert not is_archive(tmp_path / "state.pt")
    assert not is_archive(tmp_path / "text.pt")
    assert not is_archive(tmp_path / "absent.pt")
    with pytest.raises(UserError, match=r"state\.pt: not a TorchScript archive.*no code folder"):
        read_archive(tmp_path / "state.pt")
    with pytest.raises(UserError, match=r"absent\.pt: no such"):
        read_archive(tmp_path / "absent.pt")


class Evil:
    def __reduce__(self):
        return exec, ("raise SystemExit('code of the file was run')",)


def archive_with(path, pickled):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/code/__torch__.py", "")
        archive.writestr("m/data.pkl", pickled)
    return path


@pytest.mark.parametrize("pickled", [pickle.dumps({"a": Evil()}), pickle.dumps(3), b"", b"\x80\x02}q\x01(X\xff"])
def test_no_code_is_run_and_damage_is_reported(tmp_path, pickled):
    with pytest.raises(UserError, match=r"m\.pt: (not a TorchScript archive|has no named tensors)"):
        read_tensors(archive_with(tmp_path / "m.pt", pickled))


def test_a_truncated_archive_is_reported(small, tmp_path):
    whole = small[0].read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"cut\.pt: not a"):
        read_tensors(tmp_path / "cut.pt")


def test_damaged_safetensors_are_reported(tmp_path):
    (tmp_path / "a.safetensors").write_bytes((8).to_bytes(8, "little") + b'{"a": 1}' + b"0" * 8)
    with pytest.raises(UserError, match=r"a\.safetensors: not a safetensors file"):
        read_tensors(tmp_path / "a.safetensors")
