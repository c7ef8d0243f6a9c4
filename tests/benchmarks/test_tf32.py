import numpy as np
import pytest
import torch
from support.program import ROOT
from torch import nn

from benchmarks.tf32 import RoundedConvolutions, rounded
from models import MODELS


def test_ten_bits_are_left_and_halves_go_away_from_zero():
    step = 2.0**-10
    values = torch.tensor([1.0, 1 + step, 1 + step / 2, 1 + step / 2.1, -1 - step / 2, 3e38])
    assert rounded(values).tolist() == pytest.approx([1.0, 1 + step, 1 + step, 1.0, -1 - step, 3e38], rel=1e-3)
    assert rounded(values)[:5].tolist() == [1.0, 1 + step, 1 + step, 1.0, -1 - step]


def test_convolutions_alone_are_rounded():
    x, convolution, linear = torch.rand(1, 3, 5, 5), nn.Conv2d(3, 2, 3), nn.Linear(5, 5)
    with torch.no_grad():
        expected = torch.conv2d(rounded(x), rounded(convolution.weight), convolution.bias)
        product = linear(x)
        with RoundedConvolutions():
            assert torch.equal(convolution(x), expected)
            assert torch.equal(linear(x), product)


def test_the_page_has_the_errors_that_a_run_prints():
    page = (ROOT / "docs" / "performance.md").read_text().split("### TF32")[1].split("###")[0]
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    assert {name.strip("`"): float(error) for name, error, *_ in rows} == {
        name: model.tf32_error for name, model in MODELS.items()
    }
    errors = {name: model.tf32_error for name, model in MODELS.items()}
    assert errors.pop("tvl1") == 0  # it has no convolutions
    assert np.all([0 < error < 0.1 for error in errors.values()])
