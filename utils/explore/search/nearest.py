"""The windows most like a vector: every one is compared, in blocks."""

from collections.abc import Iterable

import numpy as np

from utils.explore.search.windows import WINDOW, WindowBlock
from utils.sinks.rows import unit

MARGIN = 1e-5  # of a cosine in float32: what is within it is computed again in float64

Found = tuple[np.ndarray, np.ndarray]  # cosines, float64 [k], the highest first, and their windows, WINDOW [k]


def nearest(blocks: Iterable[WindowBlock], queries: np.ndarray, k: int, least: float = -np.inf) -> list[Found]:
    """Return the k windows with the highest cosines with each query; of equal ones, the first in the collection.

    queries: float [q, D]. least: the lowest cosine that counts.
    """
    exact = unit(queries.astype(np.float64))
    rough = exact.T.astype(np.float32)
    found: list[Found] = [(np.empty(0), np.empty(0, WINDOW)) for _ in exact]
    for block in blocks:
        scores = block.units @ rough
        found = [_better(best, block, scores[:, i], exact[i], k, least) for i, best in enumerate(found)]
    return found


def _better(best: Found, block: WindowBlock, rough: np.ndarray, query: np.ndarray, k: int, least: float) -> Found:
    """Return the k best of those found and those of a block. rough: its cosines in float32."""
    lowest = best[0][-1] if len(best[0]) == k else -np.inf
    if len(rough) > k:
        lowest = max(lowest, np.partition(rough, -k)[-k])
    near = np.flatnonzero(rough >= max(lowest, least) - MARGIN)
    exact = unit(block.rows[near].astype(np.float64))
    scores = np.append(best[0], (exact * query).sum(axis=1))  # of equal rows, equal to the bit
    windows = np.append(best[1], block.windows[near])
    order = np.lexsort((windows["row"], windows["video"], -scores))[:k]
    order = order[scores[order] >= least]
    return scores[order], windows[order]
