"""Tokens to rows, for a network whose tokens are numbered; test_extractor.py has the library's own."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from models.transformers.families import FAMILIES, PROJECTED
from models.transformers.network import FeatureNetwork, check_layers, chosen_pool, int_setting
from utils.errors import UserError


class Encoder(nn.Module):
    """Two frames of 2x3 patches, each a token with its number, after a class token of 100."""

    def __init__(self) -> None:
        super().__init__()
        self.config = SimpleNamespace(num_hidden_layers=2, tubelet_size=1, patch_size=8)

    @property
    def base_model(self) -> nn.Module:
        return self

    def forward(self, pixel_values, **_):
        tokens = torch.cat([torch.tensor([100.0]), torch.arange(12.0)])[None, :, None].expand(len(pixel_values), -1, 2)
        return SimpleNamespace(last_hidden_state=tokens, hidden_states=(tokens, tokens + 1, tokens + 2))


@pytest.mark.parametrize(("pool", "expected"), [("cls", 100.0), ("mean", 5.5)])
def test_one_vector_of_all_tokens(pool: str, expected: float) -> None:
    network = FeatureNetwork(Encoder(), FAMILIES["vivit"], pool, [])
    (rows,) = network(torch.zeros(3, 2, 3, 16, 24))
    assert rows.shape == (3, 2) and set(rows.flatten().tolist()) == {expected}


def test_tokens_and_layers() -> None:
    network = FeatureNetwork(Encoder(), FAMILIES["vivit"], "tokens", [1, 2])
    first, second = network(torch.zeros(1, 2, 3, 16, 24))
    assert first[0, :, 0].tolist() == [n + 1.0 for n in range(12)] and torch.equal(second, first + 1)


@pytest.mark.parametrize(
    ("family", "pool", "layers", "projected", "expected"),
    [
        ("vivit", None, [], False, "cls"),
        ("vivit", None, [2], False, "cls"),
        ("videomae", None, [2], False, "mean"),
        ("clip", None, [], False, PROJECTED),
        ("clip", None, [2], False, "cls"),
        ("clip", None, [2], True, PROJECTED),
        ("siglip", "tokens", [], False, "tokens"),
    ],
)
def test_the_pool_that_flags_ask_for(family, pool, layers, projected, expected) -> None:
    assert chosen_pool(FAMILIES[family], "x", pool, layers, projected) == expected


@pytest.mark.parametrize(
    ("family", "pool", "layers", "projected", "words"),
    [
        ("vivit", None, [], True, "--projected: x has no space"),
        ("xclip", "mean", [], False, "x has only its projected vector here"),
        ("videoprism_vision_model", None, [1], False, "--layer: x does not give its layers"),
        ("videomae", "cls", [], False, "--pool cls: x has no class token"),
        ("whisper", "spatial", [], False, "--pool spatial: x is of sound"),
    ],
)
def test_what_a_family_lacks_is_refused(family, pool, layers, projected, words) -> None:
    with pytest.raises(UserError, match=words):
        chosen_pool(FAMILIES[family], "x", pool, layers, projected)


def test_settings_and_layers_that_a_model_has() -> None:
    settings = SimpleNamespace(patch=[2, 16], side="8")
    assert [int_setting(settings, name) for name in ("patch", "side", "absent")] == [2, 8, 1]
    network: Any = SimpleNamespace(encoder=SimpleNamespace(config=SimpleNamespace(encoder_layers=4)))
    check_layers(network, [4], "x")
    with pytest.raises(UserError, match="--layer 5: x has 4 layers"):
        check_layers(network, [4, 5], "x")
