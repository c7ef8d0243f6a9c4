"""TV-L1 of a batch at once against OpenCV 5, as far as rounding lets it; the ways of a CPU and a GPU."""

import numpy as np
import pytest
import torch
from support.device import DEVICE
from support.flow import flow_of, flow_together, frames
from support.golden import case

from models.tvl1.network import TVL1


@pytest.mark.parametrize(("name", "largest"), [("disc_96x128", 0.6), ("shift_96x128", 0.1)])
def test_the_flow_equals_opencv_as_far_as_rounding_lets_it(name, largest):
    arrays, _ = case("tvl1", f"case_{name}")
    first, second = frames(arrays["input_0"]), frames(arrays["input_1"])
    flow = flow_together(TVL1(), first, second)
    error = np.hypot(*(flow[0].cpu().numpy() - arrays["output_flow"].transpose(2, 0, 1)))
    assert np.median(error) < 0.015 and error.mean() < 0.05 and np.quantile(error[10:-10, 10:-10], 0.99) < largest


def test_a_pair_has_the_same_flow_in_a_batch_though_others_take_longer():
    arrays, _ = case("tvl1", "case_shift_96x128")
    first, second = (frames(arrays[name][:40, :48]) for name in ("input_0", "input_1"))
    for flow in (flow_of, flow_together):
        batch = flow(TVL1(), torch.cat((first, first)), torch.cat((second.roll(2, dims=-1), second)))
        torch.testing.assert_close(batch[1], flow(TVL1(), first, second)[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (21, 16)])
def test_frames_of_any_size(size):
    still = torch.rand(1, 3, *size, device=DEVICE).mul(255).round()
    for flow in (flow_of, flow_together):
        assert torch.equal(flow(TVL1(), still, still), torch.zeros(1, 2, *size, device=DEVICE))


def test_pairs_at_once():
    assert TVL1().pairs_at_once((4000, 6000)) == 1 < TVL1().pairs_at_once((256, 340))
