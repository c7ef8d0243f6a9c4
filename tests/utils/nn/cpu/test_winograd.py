"""Winograd convolutions against PyTorch's own in float64."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.golden import relative_error
from torch.nn import functional as F

from utils.nn.cpu import onednn, winograd
from utils.nn.cpu.convolution import convolve
from utils.nn.cpu.layout import CHANNELS_LAST as LAST
from utils.nn.cpu.winograd import axis_for

pytestmark = pytest.mark.skipif(onednn.CONVOLVE is None, reason="PyTorch was built without oneDNN")
PLAIN = {4: F.conv2d, 5: F.conv3d}
CASES = {  # shape of x, kernel, padding, the axis that is cut into tiles
    "3x3": ((2, 128, 24, 40), (3, 3), (1, 1), 2),
    "3x3, a side that tiles do not fill": ((2, 128, 21, 60), (3, 3), (1, 1), 2),
    "3x5": ((1, 128, 12, 40), (3, 5), (1, 2), 2),
    "3x3x3": ((1, 48, 8, 20, 12), (3, 3, 3), (1, 1, 1), 2),
    "1x3x3": ((1, 128, 3, 28, 12), (1, 3, 3), (0, 1, 1), 3),
    "3x3x3, no zeros across": ((1, 48, 8, 20, 12), (3, 3, 3), (1, 0, 0), 2),
}


def random(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(math.prod(shape))
    x = torch.randn(shape, generator=generator)
    return x.contiguous(memory_format=LAST[x.ndim]) if x.ndim in LAST else x


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_it_is_the_convolution(name, bias):
    shape, kernel, padding, axis = CASES[name]
    x, weight, b = random(*shape), random(128, shape[1], *kernel), random(128) if bias else None
    stride = (1,) * len(kernel)
    assert axis_for(x, weight, stride, padding) == axis
    y = convolve(x, weight, b, stride, padding, slope=0.1, use_winograd=True)
    plain = PLAIN[x.ndim](x.double(), weight.double(), None if b is None else b.double(), padding=padding)
    assert relative_error(y, F.leaky_relu(plain, 0.1)) < 4e-6  # of float32's 6e-8, with sums of 1152 products
    assert y.is_contiguous(memory_format=LAST[y.ndim])


@given(st.lists(st.integers(1, 9), min_size=4, max_size=5), st.integers(1, 3), st.sampled_from([1, 3]), st.data())
def test_any_size_gives_the_convolution(sizes, n_out, first_tap, data):
    kernel = (3, 3) if len(sizes) == 4 else (first_tap, 3, data.draw(st.sampled_from([1, 3])))
    padding = tuple(taps // 2 for taps in kernel)
    x, weight = random(*sizes), random(n_out, sizes[1], *kernel)
    with pytest.MonkeyPatch.context() as monkey:
        for name, bound in (("LEAST_PRODUCTS", 0), ("LEAST_WORK", 0), ("MOST_WASTE", 9), ("BLOCK", 100)):
            monkey.setattr(winograd, name, bound)
        assert axis_for(x, weight, (1,) * len(kernel), padding) == (3 if kernel[0] == 1 else 2)
        y = convolve(x, weight, None, (1,) * len(kernel), padding, use_winograd=True)
    plain = PLAIN[x.ndim](x.double(), weight.double(), padding=padding)
    torch.testing.assert_close(y.double(), plain, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("changed", "value"),
    [("stride", (2, 2)), ("padding", (0, 1)), ("dtype", torch.bfloat16), ("memory", torch.contiguous_format)],
)
def test_what_it_is_not_for_is_left_to_others(changed, value):
    asked = {"stride": (1, 1), "padding": (1, 1), "dtype": torch.float32, "memory": torch.channels_last}
    weight, x = random(128, 128, 3, 3), random(1, 128, 40, 40)
    assert axis_for(x, weight, asked["stride"], asked["padding"]) == 2
    asked[changed] = value
    x = x.to(asked["dtype"]).contiguous(memory_format=asked["memory"])
    assert axis_for(x, weight, asked["stride"], asked["padding"]) is None


def test_small_layers_are_left_to_others():
    assert axis_for(random(1, 16, 40, 40), random(16, 16, 3, 3), (1, 1), (1, 1)) is None
    assert axis_for(random(1, 128, 8, 8), random(128, 128, 3, 3), (1, 1), (1, 1)) is None


def test_weights_that_change_are_transformed_again():
    x, weight = random(1, 128, 40, 40), random(128, 128, 3, 3)
    before = convolve(x, weight, padding=(1, 1), use_winograd=True)
    weight.mul_(2)
    assert relative_error(convolve(x, weight, padding=(1, 1), use_winograd=True), 2 * before) < 1e-6


def test_a_sample_does_not_depend_on_its_batch():
    x, weight = random(3, 128, 40, 40), random(128, 128, 3, 3)
    together = convolve(x, weight, padding=(1, 1), use_winograd=True)
    assert torch.equal(convolve(x[1:2], weight, padding=(1, 1), use_winograd=True), together[1:2])
