"""One step against the formulas of TV-L1 in numpy (Zach, Pock and Bischof, 2007), pixel by pixel."""

import numpy as np
import pytest
import torch

from models.tvl1.settings import TAU
from models.tvl1.step import REACH, UNITS_PER_PIXEL, Step

N, H, W = 2, 5, 6


@pytest.mark.parametrize("active", [[True, True], [True, False]])
def test_steps_are_the_formulas(active: list[bool]) -> None:
    rng, n = np.random.default_rng(0), N
    offset, towards, slope = (rng.normal(scale=0.5, size=(k, n, H, W)) for k in (1, 2, 2))
    step = Step((n, H, W), torch.device("cpu"), torch.tensor(active))
    for buffer, values in ((step.offset, offset), (step.towards, towards), (step.slope, slope)):
        buffer.copy_(torch.from_numpy(values).view(buffer.shape))
    flow, dual = np.zeros((2, n, H, W)), np.zeros((2, 2, n, H, W))  # dual: along x and y, of each component
    for _ in range(4):
        distance = np.clip(offset[0] + (towards * flow).sum(0), -REACH, REACH)
        left = np.pad(dual[0], ((0, 0), (0, 0), (0, 0), (1, 0)))[..., :-1]
        above = np.pad(dual[1], ((0, 0), (0, 0), (1, 0), (0, 0)))[..., :-1, :]
        change = dual[0] - left + dual[1] - above + distance * slope
        on = np.array(active)[:, None, None]
        change = change * on
        flow = flow + change
        gradient = np.zeros_like(dual)
        gradient[0][..., :-1], gradient[1][..., :-1, :] = np.diff(flow, axis=-1), np.diff(flow, axis=-2)
        gradient = gradient * on
        dual = (dual + TAU * gradient) / (1 + np.sqrt(gradient[0] ** 2 + gradient[1] ** 2))
        found = step()
        np.testing.assert_allclose(step.flow.view(2, n, H, W), flow, atol=1e-6)
        np.testing.assert_allclose(found, (change**2).sum((0, 2, 3)), rtol=1e-4)
    assert np.abs(flow[:, 0]).max() > 0.01 and pytest.approx(0.25 / 0.3) == UNITS_PER_PIXEL
