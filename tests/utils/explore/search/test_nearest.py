"""The windows that are found are those of a plain search with NumPy."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.explore.search.nearest import nearest
from utils.explore.search.windows import WINDOW, WindowBlock


def plain(rows: np.ndarray, query: np.ndarray, k: int) -> np.ndarray:
    """Return the numbers of the k rows with the highest cosines, the best first."""
    return np.argsort(-cosines_of(rows, query), kind="stable")[:k]


def cosines_of(rows: np.ndarray, query: np.ndarray) -> np.ndarray:
    wide = rows.astype(np.float64)
    return wide @ query / np.linalg.norm(wide, axis=1) / np.linalg.norm(query)


def numbered(n: int, per_video: int = 7) -> np.ndarray:
    found = np.zeros(n, WINDOW)
    found["video"], found["row"] = np.divmod(np.arange(n), per_video)
    return found


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 30), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_a_search_in_blocks_is_a_plain_search(n: int, size: int, block: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = (rng.normal(size=(n, size)) * 10.0 ** rng.integers(-3, 4)).astype(np.float32)
    rows[rng.integers(0, n)] = rows[0]  # equal scores: the first in the collection comes first
    queries = rng.normal(size=(3, size))
    blocks = [WindowBlock(rows[i : i + block], numbered(n)[i : i + block]) for i in range(0, n, block)]
    for query, (scores, found) in zip(queries, nearest(blocks, queries, k), strict=True):
        cosines = cosines_of(rows, query)
        numbers = found["video"] * 7 + found["row"]
        np.testing.assert_allclose(scores, np.sort(cosines)[::-1][:k], rtol=0, atol=1e-12)
        np.testing.assert_allclose(cosines[numbers], scores, rtol=0, atol=1e-12)
        assert len(set(numbers.tolist())) == len(numbers) == min(n, k)
        if len(set(np.round(cosines, 9))) == n:
            np.testing.assert_array_equal(numbers, plain(rows, query, k))
        equal = np.flatnonzero((rows == rows[0]).all(axis=1))
        present = np.flatnonzero(np.isin(numbers, equal))
        np.testing.assert_array_equal(numbers[present], equal[: len(present)] if size > 1 else numbers[present])
        assert all(len(fewer) == np.sum(scores >= 0.3) for fewer, _ in nearest(blocks, query[None], k, 0.3))
