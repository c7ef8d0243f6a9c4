import numpy as np
import torch
from torch import nn

from utils.weights.seeded import draw, fill_random


def test_a_tensor_depends_on_its_name_alone():
    assert np.array_equal(draw("a.weight", (3, 4)), draw("a.weight", (3, 4)))
    assert not np.array_equal(draw("a.weight", (3, 4)), draw("b.weight", (3, 4)))
    assert draw("a.running_var", (1000,)).min() >= 0.5
    ratio = draw("a", (3, 1000), "tf").std() / draw("a", (3, 1000)).std()
    assert abs(ratio - (1000 / 3) ** 0.5) < 1e-3  # by the fan-in


def test_a_network_is_filled_in_place():
    network = nn.BatchNorm1d(4)
    fill_random(network, {"bias": 0.0})
    assert torch.equal(network.weight.detach(), torch.from_numpy(draw("weight", (4,))))
    assert not network.bias.any() and network.num_batches_tracked == 0
