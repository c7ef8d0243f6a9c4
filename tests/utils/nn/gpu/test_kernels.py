"""The kernels against PyTorch's functions, by Triton's interpreter."""

import pytest
import torch
from support.compiled import GENERATIONS, compiling
from support.interpreted import kernels
from torch.nn import functional as F

from utils.nn.gpu.stem import rearranged

LAST = torch.channels_last_3d


def values(*shape, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape))).to(dtype, memory_format=LAST)


POOLS = [  # kernel, stride, padding, input
    ((3, 3, 3), (1, 1, 1), [(1, 1)] * 3, values(2, 5, 3, 4, 5)),
    ((3, 3, 3), (2, 2, 2), [(0, 1)] * 3, values(1, 70, 3, 5, 4, dtype=torch.bfloat16)),
    ((1, 3, 3), (1, 2, 2), [(0, 0), (1, 1), (0, 2)], values(3, 16, 1, 7, 6, dtype=torch.float16)),
    ((2, 2, 2), (2, 2, 2), [(0, 0)] * 3, values(1, 8, 5, 2, 3, dtype=torch.bfloat16)),
    ((1, 2, 2), (1, 2, 2), [(0, 0), (0, 1), (0, 0)], values(2, 1, 2, 1, 9)),
]


@pytest.mark.parametrize(("kernel", "stride", "padding", "x"), POOLS)
def test_max_pools_are_pytorchs_to_the_bit(kernel, stride, padding, x, monkeypatch):
    y = kernels(monkeypatch).max_pool(x, kernel, stride, padding)
    around = [count for ends in reversed(padding) for count in ends]
    assert torch.equal(y, F.max_pool3d(F.pad(x, around, value=float("-inf")), kernel, stride))
    assert y.is_contiguous(memory_format=LAST) and y.dtype == x.dtype


def test_max_pools_read_parts_of_tensors_and_keep_what_is_no_number(monkeypatch):
    x = values(3, 9, 4, 7, 6)
    x[1, 3, 2, 4, 3], x[1, 3, 1, 0, 1], x[1, 4, 1, 2, 1] = float("nan"), float("-inf"), float("inf")
    part = x[1:, 2:7, 1:, ::2, 1:]
    found = kernels(monkeypatch).max_pool(part, (2, 3, 2), (1, 2, 1), [(0, 0), (1, 1), (1, 1)])
    expected = F.max_pool3d(part, (2, 3, 2), (1, 2, 1), (0, 1, 1))
    assert expected.isnan().any() and expected.isinf().any()
    assert torch.equal(found.nan_to_num(7e8), expected.nan_to_num(7e8))


@pytest.mark.parametrize("n_channels", [2, 64, 81])
def test_bias_and_activation_are_added_in_place(n_channels, monkeypatch):
    run = kernels(monkeypatch).add_and_activate
    for slope, dtype in ((0.1, torch.float32), (0.0, torch.bfloat16), (1.0, torch.float16)):
        y, bias = values(2, n_channels, 1, 5, 7, dtype=dtype), values(n_channels, 1, 1, 1, 1, dtype=dtype).flatten()
        y[0, 0, 0, 0, 0] = float("-inf")
        expected = F.leaky_relu(y.float() + bias.view(-1, 1, 1, 1).float(), slope).nan_to_num(0.0)
        found = run(y, bias, slope)
        assert found is y
        # the interpreter cuts digits off, where a GPU rounds
        torch.testing.assert_close(y.float().nan_to_num(0.0), expected, rtol=2 * torch.finfo(dtype).eps, atol=1e-6)


BLOCKS = [  # taps along time, strides, number of blocks, zeros before, channels, input
    (3, (2, 2, 2), (3, 4, 3), (2, 3, 0), 40, values(2, 3, 4, 5, 6)),
    (1, (1, 2, 2), (2, 2, 4), (0, 1, 3), 16, values(1, 3, 2, 7, 3, dtype=torch.bfloat16)),
    (2, (3, 2, 1), (1, 12, 13), (1, 0, 0), 8, values(2, 2, 4, 24, 13, dtype=torch.float16)),
]


@pytest.mark.parametrize(("taps", "strides", "n_blocks", "before", "channels", "x"), BLOCKS)
def test_blocks_are_those_of_pytorch(taps, strides, n_blocks, before, channels, x, monkeypatch):
    run = kernels(monkeypatch).in_blocks
    for given in (x, x.contiguous(), x[..., ::2].expand(3, -1, -1, -1, -1) if len(x) == 1 else x[1:]):
        found = run(given, taps, strides, n_blocks, before, channels)
        assert torch.equal(found, rearranged(given, taps, strides, n_blocks, before, channels))
        assert found.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("generation, dtype", GENERATIONS)
def test_kernels_compile_for_gpus(generation, dtype, tmp_path, monkeypatch):
    from utils.nn.gpu import kernels

    x = values(1, 16, 3, 5, 6, dtype=dtype)
    with compiling(generation, tmp_path, monkeypatch) as compiled:
        kernels.add_and_activate(x, x[0, :, 0, 0, 0].contiguous(), 0.1)
        kernels.max_pool(x, (3, 3, 3), (1, 2, 2), [(1, 1)] * 3)
        kernels.in_blocks(x[:, :3], 3, (2, 2, 2), (2, 3, 3), (2, 2, 2), 24)
    assert set(compiled) == {"_add_and_activate", "_max_pool", "_in_blocks"} and all(compiled.values())
