import numpy as np
import pytest
import torch

from models.tvl1.median import median_5x5


@pytest.mark.parametrize("size", [(1, 1), (2, 7), (13, 9)])
def test_the_median_is_numpys(size):
    maps = torch.randint(-9, 9, (2, 3, *size), generator=torch.Generator().manual_seed(1)).float()
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(maps.numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)), mode="edge"), (5, 5), axis=(2, 3)
    )
    np.testing.assert_array_equal(median_5x5(maps), np.median(windows, axis=(-2, -1)))
