"""Stems on blocks against the convolutions that they stand for."""

import itertools

import pytest
import torch
from support.interpreted import kernels
from torch.nn import functional as F

from utils.nn.cpu.layout import is_channels_last
from utils.nn.gpu import stem, support
from utils.nn.gpu.convolution import convolve_in_blocks

PLAIN = {4: F.conv2d, 5: F.conv3d}
STEMS = [  # kernel, stride, sizes of the input; of I3D, SlowFast, R(2+1)D, ResNet, and another
    ((7, 7, 7), (2, 2, 2), [(10, 9, 8), (7, 12, 13)]),
    ((5, 7, 7), (1, 2, 2), [(3, 9, 8), (1, 8, 11)]),
    ((1, 7, 7), (1, 2, 2), [(3, 9, 8)]),
    ((7, 7), (2, 2), [(9, 8), (12, 7)]),
    ((3, 5, 6), (4, 2, 1), [(8, 9, 8)]),
]
PADDINGS = [(0, 0), (3, 3), (2, 3), (0, 1), (4, 0)]


def values(*shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(len(shape)))


@pytest.fixture(autouse=True)
def as_on_a_gpu(monkeypatch):
    monkeypatch.setattr(support, "fits", lambda _x: True)
    monkeypatch.setattr(support, "kernel", lambda _name: None)
    monkeypatch.setattr(stem, "OUTPUTS", 8)  # more would take long


@pytest.mark.parametrize(("kernel", "stride", "lengths"), STEMS)
def test_the_convolution_is_the_same(kernel, stride, lengths):
    for size, ends, (n_in, n_out) in itertools.product(lengths, PADDINGS, ((2, 8), (3, 3))):
        x, weight, bias = values(2, n_in, *size), values(n_out, n_in, *kernel), values(n_out)
        padding = [ends] * len(size)
        if any(length + sum(ends) < width for length, width in zip(size, kernel, strict=True)):
            continue
        assert stem.fits(x, weight, stride)
        y = convolve_in_blocks(x, weight, bias, stride, padding, None)
        torch.testing.assert_close(y, PLAIN[x.ndim](F.pad(x, ends * len(size)), weight, bias, stride))
        images, taps = stem.in_blocks(x, weight, stride, padding)
        assert images.ndim == 4 and images.shape[1] == taps.shape[1] and images.shape[1] % 8 == 0
        assert is_channels_last(images) and is_channels_last(taps) and (is_channels_last(y) or n_out < stem.OUTPUTS)
        assert stem.in_blocks(x, weight, stride, padding)[1] is taps


def test_the_kernel_rearranges_images_and_clips_alike(monkeypatch):
    run = kernels(monkeypatch).in_blocks
    for shape, kernel, stride in (((2, 3, 8, 9), (7, 7), (2, 2)), ((1, 3, 5, 8, 9), (7, 7, 7), (2, 2, 2))):
        x, weight = values(*shape).float(), values(8, 3, *kernel).float()
        monkeypatch.setattr(support, "kernel", lambda _name: None)
        expected, _ = stem.in_blocks(x, weight, stride, [(2, 3)] * len(kernel))
        monkeypatch.setattr(support, "kernel", lambda _name: run)
        assert torch.equal(stem.in_blocks(x, weight, stride, [(2, 3)] * len(kernel))[0], expected)


def test_other_convolutions_stay():
    x = values(1, 3, 8, 8)
    assert not stem.fits(x, values(4, 3, 3, 3), (2, 2))  # small
    assert not stem.fits(x, values(4, 3, 7, 7), (1, 1))
    assert not stem.fits(x, values(4, 3, 32, 32), (32, 32))
    assert not stem.fits(values(1, 8, 8, 8), values(4, 8, 7, 7), (2, 2))
