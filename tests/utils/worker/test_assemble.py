"""Rows back into arrays, in the order of the windows."""

import errno
from pathlib import Path

import numpy as np
import pytest

from utils.errors import RunError
from utils.worker.assemble import OnDisk, Rows
from utils.worker.window_builder import Windows

VALUES = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
START_S = np.arange(7) / 10


def windows(start: int, stop: int) -> Windows:
    return Windows(start, {}, START_S[start:stop], START_S[start:stop] + 1, start)


def test_rows_come_in_any_order() -> None:
    rows = Rows(("a", "b"))
    for start, stop in ((4, 7), (0, 1), (1, 4)):
        rows.add(windows(start, stop), {"a": VALUES[start:stop], "b": -VALUES[start:stop]})
    assert (len(rows), rows.close(), rows.n_made, rows.n_repeated) == (7, 0, 7, 5)
    np.testing.assert_array_equal(rows.arrays()["a"], VALUES)
    np.testing.assert_array_equal(rows.arrays()["b"], -VALUES)
    np.testing.assert_array_equal(rows.times_s(), [START_S, START_S + 1])
    np.testing.assert_allclose(rows.timestamps_ms(), 1000 * START_S + 1000)
    np.testing.assert_allclose(rows.timestamps_ms(with_first=True), [0, *(1000 * START_S + 1000)])


def test_rows_on_disk_come_back_as_they_were():
    rows = Rows(("flow",), streamed=True)
    values = np.random.default_rng(0).normal(size=(7, 2, 5, 4)).astype(np.float16)
    for row, value in enumerate(values):
        times_s = np.array([row / 10])
        rows.add(Windows(row, {}, times_s - 0.1, times_s), {"flow": value[None]})
    np.testing.assert_array_equal(rows.arrays()["flow"], values)
    np.testing.assert_allclose(rows.timestamps_ms(), np.arange(7) * 100)
    np.testing.assert_allclose(rows.timestamps_ms(with_first=True), np.arange(-1, 7) * 100)


def test_a_disk_that_cannot_be_written_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="file: cannot be written"):
        OnDisk(tmp_path / "file")

    class Full:
        def write(self, _data: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    column = OnDisk(tmp_path)
    monkeypatch.setattr(column, "_file", Full())
    with pytest.raises(RunError, match=r"rows cannot be kept on disk \(No space left on device\): make room"):
        column.put(0, VALUES)
