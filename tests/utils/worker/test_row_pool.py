"""Means of rows over windows: by brute force, however the rows come."""

import numpy as np
import pytest
import torch

from utils.extractors.windows import Dense
from utils.worker.assemble import Rows
from utils.worker.row_pool import RowPool
from utils.worker.window_builder import Windows


def rows_of(start: int, stop: int) -> Windows:
    times_s = np.arange(start, stop) / 10
    return Windows(start, {}, times_s, times_s)


@pytest.mark.parametrize(
    "dense", [Dense(4, 3), Dense(4, 4, tail="back"), Dense(6, 2, tail="cycle"), Dense(40, 1, "cycle")]
)
@pytest.mark.parametrize("chunk", [1, 5, 50])
def test_means_are_those_of_the_windows(dense, chunk):
    shapes = {"a": (31, 3), "b": (31, 2, 3)}  # the second of two crops
    values = {key: np.random.default_rng(0).normal(size=shape).astype(np.float32) for key, shape in shapes.items()}
    shown: list[tuple[int, tuple[float, float], np.ndarray]] = []
    rows = Rows(
        ("a", "b"), pooling=dense, predicted=lambda row, span_s, logits: shown.append((row, span_s, logits["a"]))
    )
    with torch.inference_mode():
        for start in range(0, 31, chunk):
            stop = min(start + chunk, 31)
            of_rows = {key: array[start:stop] for key, array in values.items()}
            rows.add(rows_of(start, stop), of_rows | {"logits/a": of_rows["a"]})
    windows = [list(window.indices) for window in dense.over(31)]
    assert len(rows) == 31
    rows.close()
    assert rows.n_made == len(windows) > 0
    for key, array in rows.arrays().items():
        expected = np.stack([values[key][window].astype(np.float64).mean(0) for window in windows])
        np.testing.assert_array_equal(array, expected.astype(np.float32))
    start_s, end_s = rows.times_s()
    np.testing.assert_array_equal(start_s, [window[0] / 10 for window in windows])
    np.testing.assert_array_equal(end_s, [max(window) / 10 for window in windows])
    assert [(row, span) for row, span, _ in shown] == list(
        enumerate(zip(start_s.tolist(), end_s.tolist(), strict=True))
    )
    np.testing.assert_array_equal([logits for *_, logits in shown], rows.arrays()["a"])


def test_a_video_shorter_than_a_window_gives_none_and_rows_must_be_in_order():
    rows = Rows(("a",), pooling=Dense(5, 5))
    assert rows.add(rows_of(0, 3), {"a": np.zeros((3, 2), np.float32)}) == 0
    assert rows.close() == 0
    with pytest.raises(ValueError, match="row 3 came where 0 was expected"):
        RowPool(Dense(5, 5)).push(rows_of(3, 4), {"a": np.zeros((1, 2), np.float32)})
