import pytest
import torch

from utils.transforms.kernels import usable


def test_a_cpu_has_no_kernels() -> None:
    assert not usable(torch.device("cpu"))


def test_a_trial_that_fails_means_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert usable(torch.device("cuda", 99)) is False  # there is no such GPU
