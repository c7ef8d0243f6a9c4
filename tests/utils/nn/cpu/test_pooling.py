import itertools

import pytest
import torch
from torch.nn import functional as F

from utils.nn.cpu.pooling import max_pool

KERNELS = [((1, 3, 3), (1, 2, 2)), ((3, 3, 3), (2, 2, 2)), ((2, 2, 2), (2, 2, 2)), ((3, 3, 3), (1, 1, 1))]


@pytest.mark.parametrize(("kernel", "stride"), KERNELS)
@pytest.mark.parametrize("zeros", [(0, 0), (1, 1), (0, 1), (1, 2)])
def test_it_is_torchs_pooling_of_zero_padded_input(kernel, stride, zeros):
    padding = [zeros if size > 1 else (0, 0) for size in kernel]
    for shape in itertools.product((3, 4, 7), (3, 8), (5, 6)):
        x = torch.rand(2, 3, *shape)
        padded = F.pad(x, [count for ends in reversed(padding) for count in ends])
        for layout in (torch.contiguous_format, torch.channels_last_3d):
            found = max_pool(x.contiguous(memory_format=layout), kernel, stride, padding)
            assert torch.equal(found, F.max_pool3d(padded, kernel, stride))


def test_windows_wider_than_the_input_see_zeros():
    x = torch.rand(1, 1, 1, 1, 1)
    assert torch.equal(max_pool(x, (3, 1, 1), (1, 1, 1), [(2, 2), (0, 0), (0, 0)]), x.expand(1, 1, 3, 1, 1))


def test_the_input_stays_as_it_was():
    x = torch.rand(1, 2, 4, 4, 4)
    before = x.clone()
    max_pool(x, (3, 3, 3), (1, 1, 1), [(1, 1)] * 3)
    assert torch.equal(x, before)
