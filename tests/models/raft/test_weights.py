from pathlib import Path

import pytest
import torch
from support.golden import seeded_arrays
from torchvision.models.optical_flow import raft_large

from models.raft.weights import convert, load_raft
from utils.errors import UserError


def test_published_names_become_those_of_torchvision() -> None:
    published = {name: torch.from_numpy(array) for name, array in seeded_arrays("raft").items()}
    expected = raft_large(weights=None, progress=False).state_dict()
    converted = convert(published)
    assert set(converted) == set(expected)
    assert all(converted[name].shape == expected[name].shape for name in expected)


def test_a_file_of_torchvision_loads(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = raft_large(weights=None, progress=False).state_dict()
    file = tmp_path / "raft_large.pth"
    torch.save(theirs, file)
    network = load_raft(file)
    assert not network.training
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in network.state_dict().items())


def test_another_network_is_refused_with_the_names_of_its_tensors(raft_file: Path, tmp_path: Path) -> None:
    tensors = torch.load(raft_file, weights_only=True)
    del tensors["module.cnet.conv2.bias"]
    tensors["module.update_block.gru.convx1.weight"] = torch.zeros(3)
    broken = tmp_path / "broken.pth"
    torch.save(tensors, broken)
    with pytest.raises(UserError) as error:
        load_raft(broken)
    message = str(error.value)
    assert str(broken) in message
    assert "missing: context_encoder.conv.bias" in message
    assert "unexpected: update_block.gru.convx1.weight" in message
