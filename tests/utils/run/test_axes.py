"""What the axes of two arrays may be."""

import numpy as np
import pytest

from utils.run.axes import layouts


def found(a, b):
    """Return the steps and shapes of each way to take them."""
    return [(steps, x.shape, y.shape) for steps, x, y in layouts(np.zeros(a), np.zeros(b))]


@pytest.mark.parametrize(
    ("shape", "form"),
    [((8,), (1, 1, 8)), ((5, 8), (5, 1, 8)), ((5, 1, 8, 1), (5, 1, 8)), ((5, 10, 8), (5, 10, 8)),
     ((5, 40, 8), (5, 1, 320)), ((40, 40, 8), (40, 1, 320)), ((5, 2, 4, 4), (5, 1, 32)), ((1, 7, 8), (7, 1, 8)),
     ((6, 1), (1, 1, 6))],
)  # fmt: skip
def test_the_likeliest_comes_first(shape, form):
    steps, of_a, of_b = found(shape, shape)[0]
    assert (steps, of_a, of_b) == ((), form, form)


def test_turned_arrays_and_columns_that_belong_together():
    a = np.arange(15.0).reshape(5, 3)
    assert any(steps == ("B is transposed, [D, T]",) and np.array_equal(x, y) for steps, x, y in layouts(a, a.T))
    assert ("A is the second half of B's columns",) in [steps for steps, *_ in found((5, 3), (5, 6))]
    wide = np.arange(20.0).reshape(5, 4)
    for words, part in (("first", wide[:, :2]), ("second", wide[:, 2:])):
        ((x, y),) = [
            (x, y) for steps, x, y in layouts(wide, part) if steps == (f"B is the {words} half of A's columns",)
        ]
        np.testing.assert_array_equal(x, y)
    swapped = np.roll(wide, 2, axis=1)
    (x, y), *_ = [(x, y) for steps, x, y in layouts(wide, swapped) if steps and "halves" in steps[0]]
    np.testing.assert_array_equal(x, y)
    crops = np.arange(30.0).reshape(5, 2, 3)
    (x, y), *_ = [
        (x, y)
        for steps, x, y in layouts(crops, crops.swapaxes(0, 1))
        if steps == ("B has its crops first, [crops, T, D]",)
    ]
    np.testing.assert_array_equal(x, y)
