"""Flow fields as pictures."""

import numpy as np

from utils.explore.view.flow import wheel


def test_the_colour_wheel() -> None:
    right, down, left, up, still = ((1, 0), (0, 1), (-1, 0), (0, -1), (0, 0))
    field = np.array([right, down, left, up, still, (np.nan, 0)], np.float32).T[:, None]
    white = [255, 255, 255]
    expected = [[255, 0, 0], [128, 255, 0], [0, 255, 255], [128, 0, 255], white, white]
    assert wheel(field, 1.0)[0].tolist() == expected
