"""TV-L1 on a CPU against OpenCV 5, to the bit: where an image is flat, one bit moves the flow by pixels."""

import numpy as np
import pytest
import torch
from support.golden import case
from support.tvl1_steps import STEPS

from models.tvl1.by_opencv import flow_of
from models.tvl1.preprocess import pyramid
from models.tvl1.settings import SolverSettings


def flow(name: str, settings: SolverSettings) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    arrays, _ = case("tvl1", f"case_{name}")
    grey = [torch.from_numpy(arrays[each]).float()[None, None] for each in ("input_0", "input_1")]
    levels = list(zip(*(pyramid(each, settings.scales) for each in grey), strict=True))[::-1]
    return flow_of([(a[0, 0], b[0, 0]) for a, b in levels], settings).permute(1, 2, 0).numpy(), arrays


@pytest.mark.parametrize("name", ["disc_96x128", "shift_96x128"])
def test_the_flow_is_that_of_opencv(name: str) -> None:
    found, expected = flow(name, SolverSettings())
    np.testing.assert_array_equal(found, expected["output_flow"])


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", ["clip_160x213", "disc_96x128", "shift_96x128"])
def test_each_step_is_that_of_opencv(name: str, step: str) -> None:
    found, expected = flow(name, STEPS[step])
    np.testing.assert_array_equal(found[::3, ::3], expected[f"output_{step}"])
