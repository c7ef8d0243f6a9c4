import pytest
import torch
from torch import nn

from utils.nn.skip_init import skip_init


def test_nothing_is_drawn_in_the_block_and_all_as_before_behind_it():
    state = torch.get_rng_state()
    with skip_init():
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 4))
        nn.init.trunc_normal_(network[0].weight)
    assert torch.equal(torch.get_rng_state(), state)
    assert network[1].weight.tolist() == [1] * 4 and network[1].running_var.tolist() == [1] * 4
    nn.Linear(4, 4)
    assert not torch.equal(torch.get_rng_state(), state)


def test_an_error_in_the_block_brings_drawing_back():
    drawing = nn.init.kaiming_uniform_
    with pytest.raises(ValueError, match="of the block"), skip_init():
        raise ValueError("of the block")
    assert nn.init.kaiming_uniform_ is drawing
