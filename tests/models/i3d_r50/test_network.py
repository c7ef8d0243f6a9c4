"""The baseline; the non-local network is tested in tests/utils/nn/test_resnet3d.py."""

import numpy as np
import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import case, relative_error


@pytest.mark.parametrize("name", ["case_2x16x64x64", "case_1x32x80x72", "case_1x7x97x65"])
def test_the_baseline_equals_the_reference(name, baseline):
    expected, meta = case("i3d_r50_baseline", name)
    drawn = np.random.default_rng(meta["input"]["seed"]).normal(0, 0.5, meta["input"]["shape"]).astype(np.float32)
    with torch.inference_mode():
        features, logits = baseline(torch.from_numpy(drawn).to(DEVICE))
    assert relative_error(features, expected["output_features"]) < TOLERANCE
    assert relative_error(logits, expected["output_logits"]) < TOLERANCE
