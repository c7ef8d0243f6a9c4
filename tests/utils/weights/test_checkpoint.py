import math
import os
import pickle
import sys
import types
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from utils.errors import UserError
from utils.weights.checkpoint import load_strict, read_tensors
from utils.weights.formats.torch_pickle import read_torch_file

CONTAINERS = pytest.mark.parametrize("new_format", [True, False], ids=["zip", "legacy"])


@pytest.fixture
def foreign_class(monkeypatch: pytest.MonkeyPatch) -> type:
    """A class of a package that is installed where the file is written, and missing where it is read."""

    class MessageHub:
        def __init__(self) -> None:
            self.log = {"loss": np.arange(3.0)}

    module: Any = types.ModuleType("absent_package")
    MessageHub.__module__, MessageHub.__qualname__ = "absent_package", "MessageHub"
    module.MessageHub = MessageHub
    monkeypatch.setitem(sys.modules, "absent_package", module)
    return MessageHub


def tensors() -> dict[str, torch.Tensor]:
    base = torch.arange(24.0).reshape(4, 6)
    return OrderedDict(
        {
            "module.a.weight": base[:, 1:3],  # a view with an offset
            "module.a.bias": base[0],  # of the same storage
            "module.half": torch.ones(2, dtype=torch.float16),
            "module.counter": torch.tensor(7),
            "module.empty": torch.empty(0, 3),
            "module.parameter": torch.nn.Parameter(torch.full((2, 2), 0.5)),
            "module.data_preprocessor.mean": torch.zeros(3),
        }
    )


@CONTAINERS
def test_objects_of_other_programs_are_ignored(new_format, foreign_class, tmp_path, monkeypatch):
    content = {
        "meta": {"epoch": 100, "seen": {1, 2}, "table": defaultdict(list, {"a": [1]})},
        "message_hub": foreign_class(),
        "state_dict": tensors(),
        "optimizer": {"state": [torch.ones(1)]},
    }
    path = tmp_path / "trained.pth"
    torch.save(content, path, _use_new_zipfile_serialization=new_format)
    monkeypatch.delitem(sys.modules, "absent_package")
    with pytest.raises(pickle.UnpicklingError):  # this is why the fallback is needed
        torch.load(path, weights_only=True)
    read = read_tensors(path)
    expected = {name.removeprefix("module."): value for name, value in tensors().items()}
    del expected["data_preprocessor.mean"]
    assert list(read) == list(expected)
    for name, value in expected.items():
        assert read[name].dtype == value.dtype
        torch.testing.assert_close(read[name], value.detach(), rtol=0, atol=0)


class Hostile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@CONTAINERS
@pytest.mark.parametrize("wrapper", ["model", "module"])
def test_values_are_converted_as_they_are_read(wrapper, new_format, tmp_path):
    path = tmp_path / "large.pth"
    torch.save({wrapper: tensors(), "epoch": 3}, path, _use_new_zipfile_serialization=new_format)
    plain, half = read_tensors(path), read_tensors(path, torch.bfloat16)
    assert list(half) == list(plain)
    assert half["counter"].dtype == torch.int64
    assert all(torch.equal(half[name], plain[name].bfloat16()) for name in plain if name != "counter")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_refused_by_name(bad):
    network = nn.BatchNorm1d(3)
    tensors = network.state_dict()
    load_strict(network, tensors | {"weight": torch.tensor([3e38, 3e38, 0.0])}, "a.pth")  # their sum is infinite
    tensors["running_var"] = torch.tensor([1.0, bad, 1.0])
    with pytest.raises(UserError, match=r"a.pth: damaged: 1 with NaN or infinity: running_var; get the file again"):
        load_strict(network, tensors, "a.pth")


def test_tensors_can_become_those_of_a_network(tmp_path):
    network, given = torch.nn.Linear(3, 2), {"weight": torch.ones(2, 3).half(), "bias": torch.zeros(2).half()}
    load_strict(network, given, tmp_path / "any.pth", copy=False)
    assert network.weight.data_ptr() == given["weight"].data_ptr()
    assert network.bias.dtype == torch.float16


@CONTAINERS
def test_a_hostile_checkpoint_runs_nothing(new_format, tmp_path):
    path, made = tmp_path / "hostile.pth", tmp_path / "made"
    torch.save(
        {"state_dict": {"a": torch.ones(2)}, "x": Hostile(made)}, path, _use_new_zipfile_serialization=new_format
    )
    assert read_tensors(path)["a"].tolist() == [1, 1]
    torch.save(Hostile(made), path, _use_new_zipfile_serialization=new_format)
    with pytest.raises(UserError, match="has no named tensors"):
        read_tensors(path)
    assert not made.exists()


def test_a_bare_hostile_pickle_is_refused(tmp_path):
    path, made = tmp_path / "hostile.pkl", tmp_path / "made"
    path.write_bytes(pickle.dumps(Hostile(made), protocol=2))
    with pytest.raises(UserError, match="not a PyTorch checkpoint"):
        read_tensors(path)
    assert not made.exists()


def test_damaged_files_are_refused(foreign_class, tmp_path):
    whole = tmp_path / "whole.pth"
    for new_format in (True, False):
        torch.save(
            {"hub": foreign_class(), "state_dict": {"a": torch.ones(999)}},
            whole,
            _use_new_zipfile_serialization=new_format,
        )
        data = whole.read_bytes()
        for length in (0, 1, 40, len(data) // 2, len(data) - 600):
            (tmp_path / "cut.pth").write_bytes(data[:length])
            with pytest.raises(UserError, match=r"cut\.pth"):
                read_tensors(tmp_path / "cut.pth")
    with pytest.raises(UserError, match="no such checkpoint file"):
        read_torch_file(tmp_path / "none.pth")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(UserError, match=r"other\.zip"):
        read_torch_file(tmp_path / "other.zip")
