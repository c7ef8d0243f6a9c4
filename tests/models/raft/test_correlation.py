from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from models.raft import correlation
from models.raft.correlation import CorrelationPyramid, pixel_grid


def features(n: int = 1) -> tuple[Tensor, Tensor]:
    drawn = torch.randn(2, n, 8, 16, 17, generator=torch.Generator().manual_seed(0))
    return drawn[0], drawn[1]


def test_the_pixel_grid_holds_x_then_y() -> None:
    grid = pixel_grid(torch.zeros(1, 1, 3, 5))
    assert grid.shape == (1, 2, 3, 5)
    assert grid[0, :, 2, 4].tolist() == [4.0, 2.0]


def test_the_offset_in_x_is_the_slow_one() -> None:
    first, second = features()
    found = CorrelationPyramid(first, second).around(pixel_grid(first))
    assert found.shape == (1, 4 * 81, 16, 17)
    for a, b in ((4, 4), (5, 4), (4, 6), (1, 7)):
        expected = (first[0, :, 8, 9] * second[0, :, 8 + b - 4, 9 + a - 4]).sum() / 8**0.5
        torch.testing.assert_close(found[0, a * 9 + b, 8, 9], expected, rtol=1e-4, atol=1e-5)


def test_coarser_levels_are_means_read_at_half_the_position() -> None:
    first, second = features()
    found = CorrelationPyramid(first, second).around(pixel_grid(first))
    coarse = functional.avg_pool2d(second, 2)
    expected = (first[0, :, 8, 10] * coarse[0, :, 4 - 1, 5 + 2]).sum() / 8**0.5
    torch.testing.assert_close(found[0, 81 + 6 * 9 + 3, 8, 10], expected, rtol=1e-4, atol=1e-5)


def test_outside_is_zero() -> None:
    first, second = features()
    found = CorrelationPyramid(first, second).around(pixel_grid(first) + 1000.0)
    assert not found.any()


def test_correlation_stays_float32() -> None:
    first, second = features()
    full = CorrelationPyramid(first.half(), second.half()).around(pixel_grid(first))
    with torch.autocast("cpu", torch.bfloat16):
        reduced = CorrelationPyramid(first.half(), second.half()).around(pixel_grid(first))
    assert reduced.dtype == torch.float32
    assert torch.equal(full, reduced)


def test_look_ups_in_slices_are_those_of_the_whole(monkeypatch) -> None:
    """cuDNN's sampler takes 65,535 rows at most; a batch of i3d has 88,064."""
    first, second = features(2)
    positions = pixel_grid(first) + torch.randn(2, 2, 16, 17, generator=torch.Generator().manual_seed(1))
    whole = CorrelationPyramid(first, second).around(positions)
    sizes: list[int] = []
    sample = functional.grid_sample

    def counted(values: Tensor, *rest: Any, **flags: Any) -> Tensor:
        sizes.append(len(values))
        return sample(values, *rest, **flags)

    monkeypatch.setattr(functional, "grid_sample", counted)
    monkeypatch.setattr(correlation, "SAMPLER_ROWS", 100)
    assert torch.equal(CorrelationPyramid(first, second).around(positions), whole)
    assert max(sizes) == 100 and sum(sizes) == 4 * 2 * 16 * 17
