"""Near-duplicates and outliers against all pairs."""

import numpy as np
import pytest

from utils.explore.search import likeness
from utils.explore.search.likeness import Packed, distances, duplicates, fence, sample, usual
from utils.explore.search.windows import WINDOW, WindowBlock


def block(rows: np.ndarray, videos: list[int]) -> WindowBlock:
    windows = np.zeros(len(rows), WINDOW)
    windows["video"], windows["row"] = videos, np.arange(len(rows))
    return WindowBlock(rows.astype(np.float32), windows)


def test_groups_are_chains_over_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeness, "ROWS", 2)  # of six blocks
    angles = np.array([0, 0.1, 0.2, 0.3, 1.5, 1.6, 3, 0, 0.01, 3.1, 5, 5.001])  # of unit vectors
    videos = [0, 1, 2, 3, 0, 1, 4, 5, 5, 6, 7, 7]
    rows = block(np.stack([np.cos(angles), np.sin(angles)], 1), videos)
    groups = duplicates(Packed(rows.units, rows.windows), float(np.cos(0.11)))
    members = [sorted(number for part in group.parts for number in part.members.tolist()) for group in groups]
    assert members == [[0, 1, 2, 3, 7, 8], [4, 5], [6, 9]]  # 10 and 11 are of one video
    assert [part.video for part in groups[0].parts] == [0, 1, 2, 3, 5]
    assert groups[2].score == pytest.approx(np.cos(0.1), abs=1e-6)
    one = duplicates(Packed(rows.units[:6], rows.windows[:6]), float(np.cos(0.11)))
    assert len(one) == 2 and not duplicates(Packed(rows.units[10:], rows.windows[10:]), 0.5)


def test_distances_leave_out_the_own_video(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeness, "ROWS", 4)
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(30, 3)) + 2
    rows[7] = -9
    videos = np.arange(30) // 6
    blocks = [block(rows[:17], videos[:17].tolist()), block(rows[17:], videos[17:].tolist())]
    all_windows = sample(blocks, 30)
    found, windows = distances(blocks, all_windows)
    units = rows / np.linalg.norm(rows, axis=1)[:, None]
    expected = [1 - np.sort(units[videos != videos[i]] @ units[i])[-5:].mean() for i in range(30)]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.flatnonzero(found > fence(found)).tolist() == [4, 7] and windows["video"][7] == 1
    some = sample(blocks, 10)
    assert len(some.windows) == 10 and np.array_equal(some.units, sample(blocks, 10).units)
    alone, _ = distances([block(rows[:6], [0] * 6)], sample([block(rows[:6], [0] * 6)], 6))
    assert alone[0] == pytest.approx(1 - (units[1:6] @ units[0]).mean(), abs=1e-6)


def test_what_is_usual_is_of_windows_of_different_videos() -> None:
    rows = block(np.array([[1, 0], [1, 0], [0, 1], [0.6, 0.8]]), [0, 0, 1, 2])
    cosines = [0, 0, 0.6, 0.6, 0.8] * 2  # those of the two rows of video 0 with each other are left out
    median, high = usual(Packed(rows.units, rows.windows)) or (np.nan, np.nan)
    assert (median, high) == pytest.approx(tuple(np.percentile(cosines, (50, 99.9))), abs=1e-6)
    assert usual(Packed(rows.units[:2], rows.windows[:2])) is None
