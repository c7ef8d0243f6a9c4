"""Vectors of rows, their directions, and the row that is nearest in time."""

import numpy as np
import pytest

from utils.sinks.rows import nearest_rows, unit, vectors


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_get_length_1_whatever_their_size_and_those_without_a_direction_are_zero(dtype: type) -> None:
    rows = np.array([[3, 4], [3e-30, 4e-30], [3e37, 4e37], [0, 0], [np.nan, 1], [np.inf, 1]], dtype)
    found = unit(rows)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, [[0.6, 0.8]] * 3 + [[0, 0]] * 3, rtol=1e-6)
    assert unit(rows[:0]).shape == (0, 2)


def test_crops_are_averaged_and_other_axes_flattened() -> None:
    rows = np.arange(24).reshape(2, 3, 4)
    np.testing.assert_array_equal(vectors(rows), rows.mean(axis=1))
    assert vectors(rows).dtype == np.float32
    np.testing.assert_array_equal(vectors(rows[..., None]), rows.reshape(2, 12))
    assert vectors(rows[:0]).shape == (0, 4) and vectors(np.zeros((0, 2, 5, 6))).shape == (0, 60)


def test_the_nearest_row_is_what_brute_force_finds() -> None:
    rng = np.random.default_rng(0)
    wanted_s = np.arange(-3, 14, 0.25)
    for n in (1, 2, 7, 40):
        middle_s = np.sort(rng.integers(0, 20, n) / 2)  # with equal ones, and ties
        brute = [int(np.argmin(np.abs(middle_s - each))) for each in wanted_s]
        assert nearest_rows(middle_s, wanted_s).tolist() == brute
        shuffled = rng.permutation(n)
        np.testing.assert_array_equal(middle_s[shuffled][nearest_rows(middle_s[shuffled], wanted_s)], middle_s[brute])
