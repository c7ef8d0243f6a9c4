import os

import pytest
import torch

from utils.nn.unchanged import unchanged


def test_the_environment_and_the_generator_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEATMILL_TEST_OURS", "as it was")
    monkeypatch.setenv("FEATMILL_TEST_GONE", "there")
    before, drawn = dict(os.environ), torch.get_rng_state()
    with pytest.raises(KeyError), unchanged():
        os.environ |= {"FEATMILL_TEST_OURS": "changed", "FEATMILL_TEST_NEW": "new"}
        del os.environ["FEATMILL_TEST_GONE"]
        torch.manual_seed(7)
        torch.rand(3)
        raise KeyError
    assert dict(os.environ) == before
    assert torch.equal(torch.get_rng_state(), drawn)
