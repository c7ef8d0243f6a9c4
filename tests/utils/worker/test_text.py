"""Texts through a tower that counts their letters."""

import os

import numpy as np
import pytest
import torch

from utils.config.schema import Config
from utils.extractors import text
from utils.worker.text import embed


class Letters:
    """A text as its length and its vowels, in bfloat16 as a network would."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def embed(self, texts):
        assert torch.is_inference_mode_enabled() and len(texts) <= 2
        numbers = [[len(each), sum(letter in "aeiou" for letter in each)] for each in texts]
        return torch.tensor(numbers, dtype=torch.bfloat16, device=self.device)


def load(config, checkpoints, device):
    os.environ["FEATMILL_TEST_LEFT"] = "by a library"
    assert (config, checkpoints) == (Config(), {"net": None})
    return Letters(device)


def test_each_text_is_a_row_and_the_process_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "TEXTS_AT_ONCE", 2)
    monkeypatch.setattr("utils.worker.text.load_object", lambda dotted: {"x:load": load}[dotted])
    drawn = torch.get_rng_state()
    rows = embed(["a dog", "tree", "hum"], "x:load", Config(), {"net": None}, "cpu")
    assert rows.dtype == np.float32 and rows.tolist() == [[5, 2], [4, 2], [3, 1]]
    assert "FEATMILL_TEST_LEFT" not in os.environ and torch.equal(torch.get_rng_state(), drawn)
