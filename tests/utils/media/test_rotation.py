import numpy as np
import pytest

from utils.media.rotation import Orientation, from_matrix

FRAME = np.arange(6).reshape(2, 3, 1).repeat(3, 2)  # rows 0 1 2 and 3 4 5


@pytest.mark.parametrize(
    ("signs", "upright"),
    [
        ((1, 0, 0, 1), [[0, 1, 2], [3, 4, 5]]),
        ((-1, 0, 0, 1), [[2, 1, 0], [5, 4, 3]]),
        ((-1, 0, 0, -1), [[5, 4, 3], [2, 1, 0]]),
        ((0, 1, -1, 0), [[3, 0], [4, 1], [5, 2]]),  # a quarter turn clockwise
        ((0, -1, 1, 0), [[2, 5], [1, 4], [0, 3]]),
        ((0, 1, 1, 0), [[0, 3], [1, 4], [2, 5]]),
    ],
)
def test_pixels_are_turned_as_the_matrix_says(signs, upright):
    a, b, c, d = (sign << 16 for sign in signs)
    orientation = from_matrix(np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], np.int32).tobytes())
    turned = orientation.apply(FRAME)
    assert turned[..., 0].tolist() == upright
    assert orientation.size(3, 2) == (turned.shape[1], turned.shape[0]) and orientation.known


def test_another_angle_leaves_pixels_as_stored():
    orientation = from_matrix(np.array([50000, 40000, 0, -40000, 50000, 0, 0, 0, 1 << 30], np.int32).tobytes())
    assert orientation == Orientation(known=False)
    assert orientation.apply(FRAME).tolist() == FRAME.tolist()
