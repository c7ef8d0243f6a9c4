import pytest
import torch
from support.interpreted import kernels
from torch import nn
from torch.nn import functional as F

from utils.nn.gpu import support
from utils.nn.gpu.pooling import MaxPool2d, MaxPool3d, max_pool, rewrite_pools


def values(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape)))


@pytest.mark.parametrize("has_kernel", [True, False])
def test_pools_of_images_and_clips_are_pytorchs(has_kernel, monkeypatch):
    run = kernels(monkeypatch).max_pool if has_kernel else None
    monkeypatch.setattr(support, "fits", lambda _x: True)
    monkeypatch.setattr(support, "kernel", lambda _name: run)
    x = values(2, 3, 5, 6).contiguous(memory_format=torch.channels_last)
    y = max_pool(x, 3, 2, 1)
    assert torch.equal(y, F.max_pool2d(x, 3, 2, 1)) and y.is_contiguous(memory_format=torch.channels_last)
    clips = values(1, 3, 4, 5, 6).contiguous(memory_format=torch.channels_last_3d)
    assert torch.equal(
        max_pool(clips, (1, 3, 3), (1, 2, 2), (0, 1, 1)), F.max_pool3d(clips, (1, 3, 3), (1, 2, 2), (0, 1, 1))
    )
    first = values(1, 3, 4, 5, 6)  # channels first
    assert torch.equal(max_pool(first, 2, 2), F.max_pool3d(first, 2))


def test_only_plain_pools_are_replaced():
    kept = [nn.MaxPool2d(2, ceil_mode=True), nn.MaxPool2d(2, dilation=2), nn.AdaptiveMaxPool2d(1)]
    network = nn.Sequential(nn.MaxPool2d(3, 2, 1), nn.Sequential(nn.MaxPool3d((1, 3, 3), (1, 2, 2))), *kept)
    rewrite_pools(network)
    assert type(network[0]) is MaxPool2d and type(network.get_submodule("1.0")) is MaxPool3d
    assert list(network[2:]) == kept
    x = values(1, 2, 7, 7)
    assert torch.equal(network[0](x), F.max_pool2d(x, 3, 2, 1))  # not on a GPU
    clips = values(1, 2, 3, 7, 7)
    assert torch.equal(network[1](clips), F.max_pool3d(clips, (1, 3, 3), (1, 2, 2)))
