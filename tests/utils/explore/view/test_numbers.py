"""Principal components, clusters and lists."""

import numpy as np

from utils.explore.view.numbers import binned, clusters, listed, principal


def test_numbers() -> None:
    rng = np.random.default_rng(2)
    rows = (rng.normal(size=(300, 3)) * [9, 3, 1] @ np.linalg.qr(rng.normal(size=(40, 3)))[0].T).astype(np.float32)
    scores, shares = principal(rows, 3)
    values = np.linalg.eigvalsh(np.cov(rows.T, ddof=0))[::-1][:3]
    np.testing.assert_allclose(scores.var(axis=0), values, rtol=1e-3)
    np.testing.assert_allclose(shares, values / values.sum(), rtol=1e-3)
    assert principal(rows[:1], 3)[0].shape == (1, 3) and not principal(np.zeros((4, 2), np.float32), 3)[1].any()
    assert listed(np.array([1.23456, np.nan, np.inf])) == [1.2346, None, None]
    assert binned(np.arange(16.0).reshape(4, 4), 2).tolist() == [[2.5, 4.5], [10.5, 12.5]]
    points = np.concatenate([rng.normal(size=(20, 2)), rng.normal(size=(20, 2)) + 50]).astype(np.float32)
    found = clusters(points, 2)
    assert len(set(found[:20])) == len(set(found[20:])) == 1 and found[0] != found[-1]
