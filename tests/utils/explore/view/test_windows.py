"""The windows nearest to one are found exactly."""

import numpy as np

from utils.explore.view.windows import WindowVectors
from utils.sinks.rows import unit


def test_nearest_windows_are_those_of_a_plain_search() -> None:
    rng = np.random.default_rng(3)
    for spread in (0.1, 1, 30):  # clusters, and none
        rows = rng.normal(size=(20, 80))[rng.integers(20, size=4000)] + spread * rng.normal(size=(4000, 80))
        number = np.arange(4000) // 40
        start_s = np.arange(4000) % 40
        windows = WindowVectors(number, start_s, start_s, start_s + 1, unit(rows))
        for row in (0, 1234, 3999):
            found = windows.nearest(windows.vectors[row], (int(number[row]), -1, 100), 8)
            scores = np.where(number == number[row], -2, windows.vectors @ windows.vectors[row])
            expected = np.argsort(-scores)[:8]
            assert [i for i, _ in found] == expected.tolist()
            np.testing.assert_allclose([score for _, score in found], scores[expected], atol=1e-5)
