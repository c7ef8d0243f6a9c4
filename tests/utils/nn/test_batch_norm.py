import pytest
import torch
from support.golden import relative_error
from torch import nn

from models.i3d.network import I3D
from models.r21d.network import R2Plus1D
from models.s3d.network import S3D
from utils.nn.batch_norm import fuse_batch_norms
from utils.nn.cpu.convolution import FusedConvolution, fuse_activations
from utils.nn.resnet3d import Bottleneck
from utils.weights.seeded import fill_random


def norms(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d) for module in network.modules())


def torchvision_bottleneck() -> nn.Module:
    from torchvision.models.resnet import Bottleneck as Block
    from torchvision.models.resnet import ResNet

    return ResNet(Block, [1, 1, 1, 1])


CASES = {  # network, shape of its input
    "i3d": (lambda: I3D(3), (1, 3, 16, 224, 224)),
    "resnet3d block": (lambda: Bottleneck(8, 4, 2, inflated=True, non_local=True), (2, 8, 4, 8, 8)),
    "torchvision resnet": (torchvision_bottleneck, (2, 3, 64, 64)),
    "r2plus1d": (R2Plus1D, (1, 3, 2, 32, 32)),
    "s3d": (S3D, (1, 3, 16, 224, 224)),
}


@pytest.mark.parametrize("name", CASES)
def test_folding_changes_nothing_but_rounding(name):
    make, shape = CASES[name]
    network = make().eval().requires_grad_(False)
    fill_random(network)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        before = first(network(x))
        n_norms = norms(network)
        assert fuse_batch_norms(network) == n_norms > 0  # all of them
        assert norms(network) == 0
        assert relative_error(first(network(x)), before) < 1e-6
        fuse_activations(network)
        assert any(isinstance(module, FusedConvolution) for module in network.modules())
        assert relative_error(first(network(x)), before) < 1e-6


def first(outputs):
    return outputs[0] if isinstance(outputs, tuple) else outputs


def test_a_bias_is_kept_and_a_norm_without_scale_is_fused():
    network = nn.Sequential(nn.Conv1d(3, 5, 3), nn.BatchNorm1d(5, affine=False), nn.LeakyReLU(0.1)).eval()
    fill_random(network)
    x = torch.randn(2, 3, 9)
    before = network(x).detach()
    assert fuse_batch_norms(network) == 1
    torch.testing.assert_close(network(x).detach(), before)


def test_a_norm_that_follows_something_else_stays():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.BatchNorm2d(4), nn.Linear(4, 4)).eval()
    assert fuse_batch_norms(network) == 0


@pytest.mark.parametrize("slope", [None, 0.0, 0.1])
@pytest.mark.parametrize("between", [[], [nn.Identity()]])
def test_a_convolution_takes_the_activation_after_it(slope, between):
    after = [] if slope is None else [nn.LeakyReLU(slope) if slope else nn.ReLU()]
    network = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1, groups=1), *between, *after, nn.Conv2d(4, 2, 1))
    network.requires_grad_(False)
    x = torch.randn(2, 3, 9, 8)
    before = network(x)
    fuse_activations(network)
    assert not any(isinstance(module, nn.ReLU | nn.LeakyReLU) for module in network)
    torch.testing.assert_close(network(x), before)
    assert network(x[:0]).shape == (0, *before.shape[1:])
