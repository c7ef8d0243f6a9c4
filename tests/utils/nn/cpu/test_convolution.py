"""Convolutions with the activation in the same pass, against PyTorch's in float64."""

import copy
import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from utils.nn.cpu.convolution import FusedConvolution, OneDnnLinear, convolve, fuse_activations
from utils.nn.cpu.layout import use_channels_last

PLAIN = {4: F.conv2d, 5: F.conv3d}


def random(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def test_a_convolution_of_one_channel_can_be_compiled() -> None:
    network = nn.Sequential(nn.Conv2d(1, 64, 3, padding=1)).requires_grad_(False)  # alone, it needs no C++ compiler
    x = random(3, 1, 96, 64)
    expected = copy.deepcopy(network).double()(x.double())
    fuse_activations(network)
    use_channels_last(network)
    network.compile()
    with torch.inference_mode():
        torch.testing.assert_close(network(x).double(), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("slope", "groups"), list(itertools.product([None, 0.0, 0.2], [1, 2])))
@pytest.mark.parametrize("shape", [(2, 4, 9, 8), (1, 4, 5, 9, 8)])
def test_it_is_the_convolution(shape: tuple[int, ...], slope: float | None, groups: int) -> None:
    n = len(shape) - 2
    x, weight, bias = random(*shape), random(6, 4 // groups, *(3, 2, 3)[-n:]), random(6)
    sizes = ((2, 1, 2)[:n], (1, 0, 2)[:n], (1, 2, 1)[:n])
    expected = PLAIN[x.ndim](x.double(), weight.double(), bias.double(), *sizes, groups)
    if slope is not None:
        expected = F.leaky_relu(expected, slope)
    found = convolve(x, weight, bias, *sizes, groups, slope)
    torch.testing.assert_close(found.double(), expected, atol=1e-5, rtol=1e-5)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.Identity(), nn.ReLU()),
        nn.Conv2d(8, 8, 3, padding=1, groups=2),
        nn.LeakyReLU(0.3),
        nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect"),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(8 * 4 * 4, 5),
    ).eval().requires_grad_(False)  # fmt: skip


def test_activations_move_into_convolutions() -> None:
    plain, x = network(), random(2, 3, 8, 8)
    fused = copy.deepcopy(plain)
    fuse_activations(fused)
    kinds = [FusedConvolution, FusedConvolution, nn.Identity, nn.Conv2d, nn.ReLU, nn.Flatten, OneDnnLinear]
    assert [type(layer) for layer in fused] == kinds
    assert (fused[0].slope, fused[1].slope) == (0.0, 0.3)
    torch.testing.assert_close(fused(x), plain(x), atol=1e-5, rtol=1e-5)


def test_a_sum_and_its_relu() -> None:
    layer = FusedConvolution(nn.Conv2d(4, 4, 3, padding=1).requires_grad_(False), None, False)
    last = torch.channels_last
    x, other = (random(1, 4, n, 6).contiguous(memory_format=last)[:, :, :6] for n in (6, 7))
    other = other.contiguous(memory_format=last)
    expected = F.relu(F.conv2d(x, layer.weight, layer.bias, padding=1) + other)
    torch.testing.assert_close(layer.add_and_relu(x, other.clone(memory_format=last)), expected, atol=1e-5, rtol=1e-5)


def test_linear_layers() -> None:
    linear = nn.Linear(7, 5).requires_grad_(False)
    for x in (random(3, 7), random(2, 3, 7), random(2, 7)[:0]):
        torch.testing.assert_close(OneDnnLinear(linear)(x), x @ linear.weight.T + linear.bias)


@pytest.mark.bits
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_row_of_a_linear_layer_does_not_depend_on_its_batch(dtype) -> None:
    layer, x = OneDnnLinear(nn.Linear(768, 512).requires_grad_(False).to(dtype)), random(16, 768).to(dtype)
    rows = layer(x)
    assert all(torch.equal(layer(x[:n]), rows[:n]) for n in (1, 2, 3, 5))
    assert torch.equal(layer(x[None, :1]), rows[None, :1])
