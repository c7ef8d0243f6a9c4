"""Where rows are drawn on the time axis."""

import numpy as np
import pytest

from utils.explore.view.series import cells


@pytest.mark.parametrize(
    ("start_s", "end_s", "drawn"),
    [
        ([0.0, 0.2, 0.4], [0.0, 0.2, 0.4], [(0, 0.2), (0.2, 0.4), (0.4, 0.6)]),  # frames: until the next
        ([0.0, 0.1, 0.5], [0.0, 0.1, 0.5], [(0, 0.1), (0.1, 0.5), (0.5, 0.75)]),  # the last: as long as usual
        ([0.5], [0.5], [(0.5, 0.54)]),  # alone: of 25 in a second
        ([0.0, 2, 4], [1.0, 3, 5], [(0, 1), (2, 3), (4, 5)]),
        ([0.0, 2, 4], [2.0, 4, 4.3], [(0, 2), (2, 4), (4, 4.3)]),
        ([0.0, 0.5, 1], [2.0, 2.5, 3], [(0, 1.25), (1.25, 1.75), (1.75, 3)]),  # windows overlap
        ([3.0, 1, 1], [3.0, 1, 1], [(3, 3), (1, 1), (1, 1)]),  # times of no sense
        ([], [], []),
    ],
)
def test_where_rows_are_drawn(start_s: list[float], end_s: list[float], drawn: list[tuple[float, float]]) -> None:
    from_s, to_s = cells(np.array(start_s), np.array(end_s), 25.0)
    assert (to_s >= from_s).all()
    if start_s[:1] != [3.0]:
        np.testing.assert_allclose(np.stack([from_s, to_s], axis=1).reshape(-1, 2), np.reshape(drawn, (-1, 2)))
