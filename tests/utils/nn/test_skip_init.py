import threading
from typing import cast

import pytest
import torch
from torch import nn
from torchvision.models import resnet50

from utils.nn.skip_init import SkipInit


def draw() -> None:
    weight = nn.Parameter(torch.empty(16, 16))
    for init in (nn.init.uniform_, nn.init.normal_, nn.init.kaiming_uniform_, nn.init.kaiming_normal_,
                 nn.init.xavier_uniform_, nn.init.xavier_normal_, nn.init.trunc_normal_):  # fmt: skip
        assert init(weight) is not None


def test_nothing_is_drawn_in_the_block_and_all_as_before_after_it():
    state = torch.get_rng_state()
    with SkipInit():
        convolution, norm, _ = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 4)
        nn.init.trunc_normal_(convolution.weight)
    assert torch.equal(torch.get_rng_state(), state)
    assert norm.weight.tolist() == [1] * 4 and cast(torch.Tensor, norm.running_var).tolist() == [1] * 4
    nn.Linear(4, 4)
    assert not torch.equal(torch.get_rng_state(), state)


def test_an_error_in_the_block_brings_drawing_back():
    state = torch.get_rng_state()
    with pytest.raises(ValueError, match="of the block"), SkipInit():
        raise ValueError("of the block")
    nn.Linear(4, 4)
    assert not torch.equal(torch.get_rng_state(), state)


def test_no_function_of_torch_draws_a_parameter():
    state = torch.get_rng_state()
    with SkipInit():
        draw()
        resnet50()
    assert torch.equal(torch.get_rng_state(), state)


def test_a_draw_out_of_bounds_ends():
    weight = nn.Parameter(torch.empty(16))
    with SkipInit():
        nn.init.trunc_normal_(weight, mean=0.0, std=1.0, a=0.1, b=5.0)  # the mean is out of these bounds


def test_other_threads_and_the_module_draw_as_ever():
    functions = dict(vars(nn.init))
    drawn = []

    def draw_elsewhere():
        torch.manual_seed(3)
        drawn.append(nn.Linear(4, 4).weight)

    with SkipInit():
        assert dict(vars(nn.init)) == functions
        thread = threading.Thread(target=draw_elsewhere)
        thread.start()
        thread.join()
    draw_elsewhere()
    assert torch.equal(*drawn)
