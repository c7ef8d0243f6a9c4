"""The median of 5x5 pixels by comparisons of whole maps, as a GPU computes it."""

from collections.abc import Iterator
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from models.tvl1.settings import MEDIAN_SIDE

MARGIN = MEDIAN_SIDE // 2
# Of 25 values whose columns and rows are sorted, those that may be the median: (rank in the column, ranks in the row).
# Six others are certainly not above it, and six not below.
CANDIDATES = ((0, (3, 4)), (1, (2, 3, 4)), (2, (1, 2, 3)), (3, (0, 1, 2)), (4, (0, 1)))


def median_5x5(maps: Tensor) -> Tensor:
    """Return the median of each pixel's 5x5 neighbourhood, with the border repeated; maps: float32 [n, C, H, W].

    Each column of five is sorted once, for five neighbourhoods.
    """
    height, width = maps.shape[-2:]
    padded = functional.pad(maps, (MARGIN, MARGIN, MARGIN, MARGIN), mode="replicate")
    columns = selected([padded[..., i : i + height, :] for i in range(MEDIAN_SIDE)], tuple(range(MEDIAN_SIDE)))
    candidates: list[Tensor] = []
    for rank, ranks in CANDIDATES:
        candidates += selected([columns[rank][..., i : i + width] for i in range(MEDIAN_SIDE)], ranks)
    return selected(candidates, (len(candidates) // 2,))[0]


def selected(maps: list[Tensor], ranks: tuple[int, ...]) -> list[Tensor]:
    """Return the values of these ranks, 0 for the smallest, at each position of the maps."""
    values = list(maps)
    for low, high, wants_low, wants_high in comparisons(len(values), ranks):
        a, b = values[low], values[high]
        if wants_low:
            values[low] = torch.minimum(a, b)
        if wants_high:
            values[high] = torch.maximum(a, b)
    return [values[rank] for rank in ranks]


@cache
def comparisons(n: int, ranks: tuple[int, ...]) -> list[tuple[int, int, bool, bool]]:
    """Return what finds these ranks of n values: positions of two, and whether their minimum and maximum are used."""
    used = set(ranks)
    kept: list[tuple[int, int, bool, bool]] = []
    for low, high in reversed(list(_sorting_network(n))):
        if low in used or high in used:
            kept.append((low, high, low in used, high in used))
            used |= {low, high}
    return kept[::-1]


def _sorting_network(n: int) -> Iterator[tuple[int, int]]:
    """Yield the comparisons of Batcher's merge exchange (Knuth, TAOCP 3, algorithm 5.2.2 M)."""
    top = 1 << (n - 1).bit_length() - 1
    step = top
    while step:
        distance, remainder, merged = step, 0, top
        while True:
            for i in range(n - distance):
                if i & step == remainder:
                    yield i, i + distance
            if merged == step:
                break
            distance, remainder, merged = merged - step, step, merged // 2
        step //= 2
