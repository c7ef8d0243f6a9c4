import pytest
import torch
from support.golden import relative_error
from torch import nn
from torch.nn import functional as F
from torchvision import models

from utils.nn.batch_norm import fuse_batch_norms
from utils.nn.cpu.convolution import FusedConvolution, fuse_activations
from utils.nn.cpu.layout import CHANNELS_LAST, use_channels_last
from utils.nn.cpu.residual import ResidualBlock, add_and_relu, rewrite_blocks
from utils.weights.seeded import fill_random


def random(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("laid_out", ["alike", "channels first"])
@pytest.mark.parametrize(
    ("convolution", "shape"),
    [(nn.Conv2d(6, 8, 3, 2, 1), (2, 6, 9, 8)), (nn.Conv3d(6, 8, (1, 3, 3), (1, 2, 2), (0, 1, 1)), (2, 6, 3, 9, 8))],
    ids=["2d", "3d"],
)
def test_the_sum_is_that_of_two_steps(convolution, shape, laid_out, dtype):
    convolution = convolution.requires_grad_(False).to(dtype)
    x = random(*shape).to(dtype).contiguous(memory_format=CHANNELS_LAST[len(shape)])
    shortcut = random(*convolution(x).shape).to(dtype)
    if laid_out == "alike":
        shortcut = shortcut.contiguous(memory_format=CHANNELS_LAST[len(shape)])
    expected = F.relu(convolution(x) + shortcut)
    network = nn.Sequential(nn.Identity(), convolution, nn.Identity(), nn.Conv2d(1, 1, 1).requires_grad_(False))
    fuse_activations(network)
    assert isinstance(network[1], FusedConvolution)
    result = add_and_relu(network[1], x, shortcut)
    torch.testing.assert_close(result, expected, rtol=1e-5 if dtype == torch.float32 else 2e-2, atol=1e-2)


def test_the_sum_is_written_over_the_shortcut():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)).requires_grad_(False)
    use_channels_last(network)
    fuse_activations(network)
    x, shortcut = (random(1, 4, 5, 5).contiguous(memory_format=torch.channels_last) for _ in range(2))
    assert add_and_relu(network[1], x, shortcut).data_ptr() == shortcut.data_ptr()


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_torchvisions_blocks_give_what_they_gave(name):
    network = models.get_model(name).eval().requires_grad_(False)
    fill_random(network)
    x = random(2, 3, 64, 64)
    with torch.inference_mode():
        before = network(x)
        rewrite_blocks(network)
        assert not any(isinstance(module, ResidualBlock) for module in network.modules())  # batch norms first
        fuse_batch_norms(network)
        rewrite_blocks(network)
        assert sum(isinstance(module, ResidualBlock) for module in network.modules()) == {18: 8, 50: 16}[int(name[6:])]
        assert relative_error(network(x), before) < 1e-6
        fuse_activations(network)
        use_channels_last(network)
        for _ in range(2):  # nothing that it keeps is overwritten
            assert relative_error(network(x), before) < 3e-6  # the rounding of 53 layers
