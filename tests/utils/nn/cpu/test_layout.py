import gc
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch.nn import functional as F

from utils.nn.cpu import onednn
from utils.nn.cpu.convolution import convolve
from utils.nn.cpu.layout import PerWeight, packed

pytestmark = pytest.mark.skipif(onednn.CONVOLVE is None, reason="PyTorch was built without oneDNN")
NO_MORE = ([1, 1], [1, 1], [1, 1], 1)  # padding, stride, dilation, groups


def random(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape)))


SHAPES = {"2d": ((1, 8, 9, 7), (3, 8, 40, 30)), "3d": ((1, 8, 3, 9, 7), (2, 8, 1, 20, 30))}


@pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES)
def test_any_later_size_gives_the_convolution(shapes):
    n_dims = len(shapes[0]) - 2
    weight = random(16, 8, *[3] * n_dims)
    for shape in shapes:
        x = random(*shape)
        expected = (F.conv2d if n_dims == 2 else F.conv3d)(x, weight, padding=1)
        torch.testing.assert_close(convolve(x, weight, padding=[1] * n_dims), expected, rtol=1e-4, atol=1e-4)


def test_a_weight_is_packed_once_and_again_when_it_changes():
    weight, x = random(16, 8, 3, 3), random(1, 8, 9, 9)
    first = packed(weight, x.shape, *NO_MORE)
    assert first.is_mkldnn
    assert packed(weight, (2, 8, 30, 30), *NO_MORE) is first
    weight.mul_(2)
    again = packed(weight, x.shape, *NO_MORE)
    assert again is not first
    torch.testing.assert_close(again.to_dense(), weight)


def test_made_once_and_again_when_the_weight_changes():
    doubled, weight = PerWeight(), torch.ones(3)
    first = doubled.get(weight, lambda plain: plain * 2)
    assert doubled.get(weight, lambda plain: plain * 2) is first
    weight.add_(1)
    assert doubled.get(weight, lambda plain: plain * 2).tolist() == [4, 4, 4]


def test_what_is_made_in_inference_mode_tells_when_it_changes():
    doubled, again, weight = PerWeight(), PerWeight(), torch.nn.Parameter(torch.ones(3))
    with torch.inference_mode():
        made = doubled.get(weight, lambda plain: plain * 2)
        assert not made.is_inference()
        assert again.get(made, lambda plain: plain * 2).tolist() == [4, 4, 4]


def test_threads_that_need_the_same_wait_for_the_one_that_makes_it():
    doubled, weight, made = PerWeight(), torch.ones(3), []

    def make(plain):
        made.append(plain)
        time.sleep(0.05)
        return plain * 2

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: doubled.get(weight, make), range(4)))
    assert len(made) == 1 and all(result is results[0] for result in results)


def test_it_goes_with_its_weight():
    doubled, weight = PerWeight(), torch.ones(3)
    made = weakref.ref(doubled.get(weight, lambda plain: plain * 2))
    assert made() is not None
    del weight
    gc.collect()
    assert made() is None
