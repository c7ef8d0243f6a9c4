"""Which of cuDNN's operations a layer calls, and how; stand-ins compute them."""

import pytest
import torch
from support.interpreted import kernels
from torch import nn
from torch.nn import functional as F
from torchvision.models import resnet18

from utils.nn.cpu.convolution import FusedConvolution, convolve
from utils.nn.cpu.layout import CHANNELS_LAST
from utils.nn.cpu.residual import add_and_relu
from utils.nn.gpu import convolution as gpu
from utils.nn.gpu import support
from utils.nn.prepare import ComputeMode, prepare_layers
from utils.weights.seeded import fill_random

PLAIN = {4: F.conv2d, 5: F.conv3d}


def values(*shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(len(shape)))
    return x.contiguous(memory_format=CHANNELS_LAST[len(shape)]) if len(shape) in CHANNELS_LAST else x


@pytest.fixture
def called(monkeypatch):
    """What was called in place of cuDNN's operations, as on a GPU without Triton."""
    names = []

    def relu(x, weight, bias, stride, padding, dilation, groups):
        names.append("relu")
        return F.relu(PLAIN[x.ndim](x, weight, bias, stride, padding, dilation, groups))

    def add_relu(x, weight, z, alpha, bias, stride, padding, dilation, groups):
        names.append("add_relu")
        return F.relu(PLAIN[x.ndim](x, weight, bias, stride, padding, dilation, groups) + alpha * z)

    monkeypatch.setattr(torch, "cudnn_convolution_relu", relu)
    monkeypatch.setattr(torch, "cudnn_convolution_add_relu", add_relu)
    monkeypatch.setattr(support, "fits", lambda _x: True)
    monkeypatch.setattr(support, "kernel", lambda _name: None)
    monkeypatch.setattr(gpu, "_refused", set())
    return names


CASES = [  # layer, input, slope, what it calls
    (nn.Conv2d(6, 8, 3, (2, 1), (1, 0)), (2, 6, 9, 8), 0.0, ["relu"]),
    (nn.Conv3d(6, 8, (1, 3, 3), (1, 2, 2), (0, 1, 1), bias=False), (2, 6, 3, 9, 8), 0.0, ["relu"]),
    (nn.Conv2d(6, 8, 3, groups=2), (2, 6, 9, 8), 0.0, ["relu"]),
    (nn.Conv2d(6, 8, 3, dilation=2), (2, 6, 9, 8), 0.0, []),
    (nn.Conv2d(6, 8, 3), (2, 6, 9, 8), 0.1, []),
    (nn.Conv2d(6, 8, 3), (2, 6, 9, 8), None, []),
    (nn.Conv2d(6, 8, 3, bias=False), (2, 6, 9, 8), 0.1, []),
    (nn.Conv3d(3, 8, (5, 7, 7), (1, 2, 2), (2, 3, 3)), (1, 3, 3, 9, 8), 0.0, ["relu"]),  # on blocks
    (nn.Conv2d(3, 8, 7, 2, 3), (1, 3, 9, 8), None, []),
]


@pytest.mark.parametrize(("layer", "shape", "slope", "expected"), CASES, ids=str)
def test_a_layer_gives_what_three_passes_give(layer, shape, slope, expected, called, monkeypatch):
    layer.requires_grad_(False)
    x = values(*shape)
    y = layer(x) if slope is None else F.leaky_relu(layer(x), slope)
    fused = FusedConvolution(layer, slope, use_winograd=True)
    torch.testing.assert_close(fused(x), y)
    assert called == expected
    run = kernels(monkeypatch).add_and_activate
    monkeypatch.setattr(support, "kernel", {"add_and_activate": run}.get)
    torch.testing.assert_close(fused(x), y)
    monkeypatch.setattr(torch.backends.cudnn, "enabled", False)
    torch.testing.assert_close(fused(x), y)
    assert called == expected * 2


def test_the_shortcut_is_added_in_the_same_call(called, monkeypatch):
    layer = nn.Conv2d(6, 8, 3, 2, 1).requires_grad_(False)
    x = values(2, 6, 9, 8)
    shortcut = values(*layer(x).shape)
    before = shortcut.clone()
    for _ in range(2):
        result = add_and_relu(FusedConvolution(layer, None, use_winograd=False), x, shortcut)
        torch.testing.assert_close(result, F.relu(layer(x) + before))
        monkeypatch.setattr(gpu, "SUM_IN_CUDNN", False)
    assert called == ["add_relu"] and torch.equal(shortcut, before)


def test_what_cudnn_refuses_is_not_asked_again(called, monkeypatch):
    tried = []

    def refuse(*_):
        tried.append(1)
        raise RuntimeError("GET was unable to find an engine to execute this computation")

    monkeypatch.setattr(torch, "cudnn_convolution_relu", refuse)
    x, weight, bias = values(1, 4, 5, 5), values(4, 4, 3, 3), values(4)
    for _ in range(2):
        torch.testing.assert_close(convolve(x, weight, bias, slope=0.0), F.relu(F.conv2d(x, weight, bias)))
    assert tried == [1]
    convolve(values(2, 4, 5, 5), weight, bias, slope=0.0)
    assert tried == [1, 1]


def test_too_little_memory_is_told(called, monkeypatch):
    def fail(*_):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(torch, "cudnn_convolution_relu", fail)
    with pytest.raises(torch.OutOfMemoryError):
        convolve(values(1, 4, 5, 5), values(4, 4, 3, 3), slope=0.0)


def test_a_network_is_rewritten_once_for_both_devices(called, monkeypatch):
    network = resnet18()
    fill_random(network)
    x = values(1, 3, 64, 64)
    with torch.inference_mode():
        expected = network.eval()(x)
        monkeypatch.setattr(network, "to", lambda _device: network)
        prepare_layers(network, torch.device("cuda"), ComputeMode())
        torch.testing.assert_close(network(x), expected, rtol=1e-4, atol=1e-4)
    assert called == ["relu"] + ["relu", "add_relu"] * 8
