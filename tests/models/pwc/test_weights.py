from pathlib import Path

import pytest
import torch
from support.golden import seeded_arrays, write_checkpoint

from models.pwc.weights import convert, load_pwc, random_pwc
from utils.errors import UserError


def test_both_published_namings_are_the_same_weights(pwc_file: Path) -> None:
    old = load_pwc(pwc_file).state_dict()
    published = {name: torch.from_numpy(array) for name, array in seeded_arrays("pwc").items()}
    renamed = {name.replace("module", "net"): tensor for name, tensor in published.items()}
    converted = convert(renamed)
    assert list(converted) == list(published) == list(old)
    assert all(torch.equal(converted[name], old[name]) for name in old)


def test_a_file_with_the_newer_names_loads(tmp_path: Path) -> None:
    network = load_pwc(write_checkpoint(tmp_path / "newer.pt", "pwc", "keys_net.json"))
    name = "netExtractor.netOne.0.weight"
    drawn = torch.from_numpy(seeded_arrays("pwc", "keys_net.json")[name])
    assert torch.equal(network.get_parameter("moduleExtractor.moduleOne.0.weight"), drawn)
    assert not network.training


def test_seeded_weights_are_those_of_the_published_names(pwc_file: Path) -> None:
    loaded, drawn = load_pwc(pwc_file).state_dict(), random_pwc().state_dict()
    assert all(torch.equal(loaded[name], drawn[name]) for name in loaded)


def test_an_incomplete_file_names_what_is_missing_and_what_is_left_over(pwc_file: Path, tmp_path: Path) -> None:
    tensors = torch.load(pwc_file, weights_only=True)
    tensors["moduleRefiner.moduleMain.11.weight"] = tensors.pop("moduleRefiner.moduleMain.12.weight")
    broken = tmp_path / "broken.pt"
    torch.save(tensors, broken)
    with pytest.raises(UserError) as error:
        load_pwc(broken)
    message = str(error.value)
    assert str(broken) in message
    assert "missing: moduleRefiner.moduleMain.12.weight" in message
    assert "unexpected: moduleRefiner.moduleMain.11.weight" in message
