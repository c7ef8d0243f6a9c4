import json

import pytest
import torch
from support.golden import GOLDEN, layout, seeded_arrays

from models.s3d.weights import convert, load_s3d, random_s3d
from utils.errors import UserError

pytestmark = pytest.mark.usefixtures("skip_init")


def test_names_become_those_of_torchvision():
    names = json.loads((GOLDEN / "s3d" / "map_torchvision.json").read_text())["map"]
    nothing = torch.empty(0)
    assert list(convert(dict.fromkeys(names, nothing))) == list(names.values())
    assert list(convert(dict.fromkeys(names.values(), nothing))) == list(names.values())
    ours = {name: list(tensor.shape) for name, tensor in random_s3d().state_dict().items()}
    assert ours == {names[name]: shape for name, (shape, _) in layout("s3d")["tensors"].items()}


def test_the_original_file_and_one_with_other_classes_load(tmp_path):
    tensors = {f"module.{name}": torch.from_numpy(array) for name, array in seeded_arrays("s3d").items()}
    tensors |= {"module.fc.0.weight": torch.zeros(5, 1024, 1, 1, 1), "module.fc.0.bias": torch.zeros(5)}
    torch.save(tensors, tmp_path / "S3D_kinetics400.pt")
    assert load_s3d(tmp_path / "S3D_kinetics400.pt").classifier[1].out_channels == 5
    torch.save({"base.0.conv_s.weight": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(UserError, match=r"other\.pt: not a checkpoint of S3D \(\d+ missing"):
        load_s3d(tmp_path / "other.pt")
