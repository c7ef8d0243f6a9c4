import pytest
import torch
from safetensors.torch import save_file

from utils.errors import UserError
from utils.weights.formats import safetensors


def test_tensors_are_read(tmp_path):
    path = tmp_path / "a.pth"  # by its content, whatever it is called
    save_file({"x": torch.arange(3), "half": torch.tensor([0.5])}, path)
    assert safetensors.is_safetensors(path)
    for dtype, found in ((None, torch.float32), (torch.bfloat16, torch.bfloat16)):
        tensors = safetensors.read(path, dtype)
        assert tensors["x"].tolist() == [0, 1, 2] and tensors["half"].dtype == found


@pytest.mark.parametrize("data", [b"", b"\x08\0\0\0\0\0\0\0{}", b"\xff" * 8 + b"{", b"\x02\0\0\0\0\0\0\0[]"])
def test_a_damaged_file_is_the_users_error(tmp_path, data):
    path = tmp_path / "a.safetensors"
    path.write_bytes(data)
    assert safetensors.is_safetensors(path)
    with pytest.raises(UserError, match="not a safetensors file that can be read"):
        safetensors.read(path)
