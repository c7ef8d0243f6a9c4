"""Which rows belong together."""

import numpy as np
import pytest

from utils.run.row_maps import cosines, find_rows, loss_of, plain_map

ROWS = np.random.default_rng(0).normal(size=(40, 16)).astype(np.float32)


def test_cosines_are_those_of_brute_force_and_two_rows_of_zeros_are_equal():
    other = np.roll(ROWS, 1, axis=0)
    expected = [np.dot(x, y) / np.linalg.norm(x) / np.linalg.norm(y) for x, y in zip(ROWS, other, strict=True)]
    np.testing.assert_allclose(cosines(ROWS, other), expected, atol=1e-6)
    zeros = np.zeros((2, 3), np.float32)
    assert cosines(zeros, zeros).tolist() == [1, 1] and cosines(zeros, zeros + 1).tolist() == [0, 0]
    assert loss_of(ROWS, ROWS) == pytest.approx(0, abs=1e-6) and loss_of(ROWS[:0], ROWS[:0]) == np.inf


def test_rows_meet_by_time_where_both_have_times():
    rows = plain_map(40, 5, np.arange(40) * 0.5, np.array([3.1, 4.0, 20.5, -7.0, 9.9]))
    assert rows.step == "only rows with equal times"
    np.testing.assert_array_equal(rows.of_a(ROWS), ROWS[[6, 8, 20]])
    assert rows.of_b(np.arange(5)).tolist() == [0, 1, 4]
    assert plain_map(40, 40, np.arange(40.0), np.arange(40.0)).step == ""


def test_rows_meet_by_number_where_one_has_none():
    rows = plain_map(40, 38, np.arange(40.0), None)
    assert rows.step == "only the rows that both have"
    np.testing.assert_array_equal(rows.of_a(ROWS), ROWS[:38])
    assert plain_map(40, 40, None, None).step == ""


@pytest.mark.parametrize(
    ("b", "step"),
    [
        (ROWS, ""),
        (ROWS[3:], "B is A shifted by 3 rows (24 frames): B's row 0 is A's row 3"),
        (ROWS[1::3], "B is every third row of A, from row 1"),
        (ROWS.reshape(10, 4, 16).mean(1), "B is means of 4 each of A's rows"),
        (ROWS.max(0, keepdims=True), "B is the maximum over A's rows"),
        (ROWS[np.round(np.linspace(0, 39, 11)).astype(int)], "B is 11 rows spread evenly (rounded) over A's rows"),
    ],
)
def test_the_map_that_brings_rows_together_is_found(b, step):
    plain = plain_map(len(ROWS), len(b), None, None)
    found, loss = find_rows(ROWS, b, plain, 8)
    assert found.step == step and loss < 1e-6
    np.testing.assert_allclose(found.of_a(ROWS), found.of_b(b), atol=1e-6)
