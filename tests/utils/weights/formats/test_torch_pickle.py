"""Files of torch.save and of Caffe2, without calling what they name."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from utils.errors import UserError
from utils.weights.formats.torch_pickle import (
    Inert,
    check_torch_file,
    first_line,
    is_torch_file,
    read_caffe2_blobs,
    read_torch_file,
)

FORMATS = pytest.mark.parametrize("new_format", [True, False], ids=["zip", "legacy"])


class Foreign:
    """An object of a training program, whose making leaves a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@FORMATS
def test_tensors_are_those_of_torch_load_and_objects_do_nothing(tmp_path: Path, new_format: bool) -> None:
    base = torch.arange(24.0).reshape(4, 6)
    tensors = {
        "view": base[:, 1:3], "turned": base.T, "half": base.half(), "bf16": base.bfloat16(), "int": base.int(),
        "bool": base > 3, "empty": torch.empty(0, 3), "scalar": torch.tensor(7),
    }  # fmt: skip
    path, made = tmp_path / "a.pth", tmp_path / "made"
    torch.save({"tensors": tensors, "epoch": 3, "hub": Foreign(made)}, path, _use_new_zipfile_serialization=new_format)
    assert is_torch_file(path)
    check_torch_file(path)
    read = read_torch_file(path)
    assert isinstance(read["hub"], Inert) and not made.exists() and read["epoch"] == 3
    for name, tensor in tensors.items():
        assert read["tensors"][name].dtype == tensor.dtype and torch.equal(read["tensors"][name], tensor)
    if new_format:
        assert read_torch_file(path, torch.float64)["tensors"]["half"].dtype == torch.float64
        assert read_torch_file(path, torch.float64)["tensors"]["int"].dtype == torch.int32


@FORMATS
def test_cut_files_are_refused(tmp_path: Path, new_format: bool) -> None:
    path = tmp_path / "a.pth"
    torch.save({"a": torch.ones(99)}, path, _use_new_zipfile_serialization=new_format)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match=r"a\.pth: not a PyTorch checkpoint that can be read"):
        read_torch_file(path)
    path.write_bytes(b"text")
    assert not is_torch_file(path)
    with pytest.raises(UserError, match=r"a\.pth: not a file of torch\.save"):
        read_torch_file(path)
    with pytest.raises(UserError, match=r"absent: no such checkpoint file"):
        is_torch_file(tmp_path / "absent")


def test_arrays_of_caffe2(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"blobs": {"w": np.ones((2, 3), np.float32), "lr": 0.1, 3: np.ones(1)}}, protocol=2))
    found = read_caffe2_blobs(path)
    assert list(found) == ["w"] and found["w"].tolist() == [[1, 1, 1]] * 2
    path.write_bytes(pickle.dumps({"other": 1}, protocol=2))
    with pytest.raises(UserError, match='a pickle without "blobs"'):
        read_caffe2_blobs(path)
    path.write_bytes(pickle.dumps({"blobs": Foreign(tmp_path / "made")}, protocol=2))
    with pytest.raises(UserError, match="neither a PyTorch nor a Caffe2 checkpoint"):
        read_caffe2_blobs(path)
    assert not (tmp_path / "made").exists()


def test_messages_are_one_line() -> None:
    assert (first_line(ValueError("a\nb")), first_line(EOFError())) == ("a", "EOFError")
    assert len(first_line(ValueError("x" * 999))) == 200
