"""Networks run without any one of PyTorch's private operations, and give the same."""

import pytest
import torch
from support.golden import relative_error
from torch import nn
from torchvision.models import resnet18

from utils.nn.cpu import onednn
from utils.nn.cpu.convolution import FusedConvolution, OneDnnLinear, convolve
from utils.nn.cpu.layout import use_channels_last
from utils.nn.cpu.winograd import axis_for
from utils.nn.prepare import ComputeMode, check_supported, prepare_network
from utils.weights.seeded import fill_random

CPU = torch.device("cpu")


def random(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape)))


def test_what_pytorch_lacks_is_none():
    assert onednn.operation("no_such_operation") is None
    assert onednn.operation("no_such_operation", "binary") is None
    assert onednn.operation("_convolution_pointwise", "no_such_overload") is None


@pytest.mark.parametrize("name", ["CONVOLVE", "CONVOLVE_AND_ADD", "LINEAR", "PACK_WEIGHT"])
def test_a_network_gives_the_same_without(name, monkeypatch):
    network = resnet18()
    fill_random(network)
    x = random(2, 3, 64, 64)
    with torch.inference_mode():
        expected = network.eval()(x)
    monkeypatch.setattr(onednn, name, None)
    prepared = prepare_network(network, CPU, ComputeMode())
    assert {FusedConvolution, OneDnnLinear} <= {type(module) for module in prepared.modules()}
    with torch.inference_mode():
        assert relative_error(prepared(x), expected) < 3e-6  # the rounding of 18 layers


def test_winograd_is_left_out_without_its_convolution(monkeypatch):
    convolution = nn.Conv2d(128, 128, 3, padding=1, bias=False).requires_grad_(False)
    use_channels_last(convolution)
    x = random(1, 128, 40, 40).contiguous(memory_format=torch.channels_last)
    monkeypatch.setattr(onednn, "CONVOLVE", None)
    assert axis_for(x, convolution.weight, (1, 1), (1, 1)) is None
    assert torch.equal(convolve(x, convolution.weight, padding=(1, 1), use_winograd=True), convolution(x))


def test_without_a_word_on_bf16_it_is_taken_to_be_there(monkeypatch):
    monkeypatch.setattr(onednn, "SUPPORTS_BF16", None)
    if torch.backends.mkldnn.is_available():
        check_supported(ComputeMode("bf16"), CPU)
