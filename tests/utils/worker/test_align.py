from dataclasses import replace

import numpy as np
import pytest
from support.sinks import record

from utils.config.run import RunConfig
from utils.sinks.record import Record
from utils.worker.align import Joiner, Spans, align, resampled
from utils.worker.events import Job
from utils.worker.pipeline import Outcome
from utils.worker.row_steps import after_steps, steps_of


def test_mean_is_what_brute_force_finds() -> None:
    rng = np.random.default_rng(1)
    start_s = np.sort(rng.uniform(0, 10, 25))
    own, grid_s = Spans(start_s, start_s + 1), np.arange(0, 12, 0.5)
    rows = rng.normal(size=(25, 3)).astype(np.float32)
    found = resampled(rows, own, Spans(grid_s, grid_s + 0.75), "mean")
    for row, start in zip(found, grid_s, strict=True):
        inside = (own.middle_s >= start) & (own.middle_s < start + 0.75)
        near = rows[np.argmin(np.abs(own.middle_s - start - 0.375))]
        np.testing.assert_allclose(row, rows[inside].mean(0) if inside.any() else near, rtol=1e-5)
    assert found.dtype == np.float32


def seconds(n: int, step_s: float) -> Record:
    """Return a record of sound whose row i holds i and lasts from i * step_s to (i + 1) * step_s."""
    start_s = np.arange(n) * step_s
    rows = np.arange(n, dtype=np.float32)[:, None]
    return replace(record(), arrays={"rgb": rows}, start_s=start_s, end_s=start_s + step_s)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"align_ends": "truncate"}, [0, 2, 4]),  # of the middles 0.5, 1.5, …, the earlier of two at the same distance
        ({"align_ends": "pad"}, [0, 2, 4, 6, 6]),
        ({"align_by": "mean"}, [0.5, 2.5, 4.5]),
    ],
)
def test_two_types_on_one_grid(flags: dict[str, str], expected: list[float]) -> None:
    records = {"slow": seconds(5, 2.0), "fast": seconds(7, 1.0)}
    aligned = align(records, RunConfig(align="slow", **flags))  # pyright: ignore[reportArgumentType]  # flags of several types
    n = len(expected)  # 3: the middle of the fourth window is 7.0, when the other rows end
    assert aligned["fast"].arrays["rgb"][:, 0].tolist() == expected
    assert aligned["slow"].arrays["rgb"][:, 0].tolist() == list(range(n))
    for each in aligned.values():
        assert each.start_s is not None
        assert each.start_s.tolist() == [2.0 * i for i in range(n)]


def test_a_frame_lasts_until_the_next() -> None:
    frames = replace(seconds(4, 0.5), end_s=np.arange(4) * 0.5)  # a row per frame, at 2 frames per second
    frames.arrays.update(fps=np.array(2.0), timestamps_ms=np.arange(4) * 500.0)
    aligned = align({"sound": seconds(3, 1.0), "frames": frames}, RunConfig(align="sound", align_by="mean"))
    assert aligned["frames"].arrays["rgb"][:, 0].tolist() == [0.5, 2.5]
    assert aligned["frames"].arrays["timestamps_ms"].tolist() == [1000.0, 2000.0]


def ended(feature_type: str, types: tuple[str, ...], of: Record | None) -> Outcome:
    job = Job(record().ref, feature_type, task_types=types)
    return Outcome(job, "done" if of else "failed", "" if of else f"{job.ref.label}: broken", of, 9)


def test_concat_joins_all_types_in_the_order_of_the_run() -> None:
    finished: list[Outcome] = []
    both = ("fast", "slow")
    run = RunConfig(align="slow", concat=True)
    joiner = Joiner(run, dict.fromkeys(both, lambda outcome: finished.append(after_steps(steps_of(run), outcome))))
    five = seconds(5, 2.0)
    crops = replace(five, arrays={"rgb": np.stack([five.arrays["rgb"], -five.arrays["rgb"]], axis=1)})
    joiner.end(ended("slow", both, crops))
    partial = ended("fast", both, seconds(7, 1.0))
    partial.status, partial.reason = "partial", "cut off"
    joiner.end(partial)
    fast, slow = finished
    assert (fast.record, fast.status, fast.reason) == (None, "partial", "cut off")
    assert (slow.status, slow.reason, slow.n_windows) == ("partial", "cut off", 3)
    assert slow.record is not None and slow.record.features == ["features"]
    joined = slow.record.arrays["features"]  # rows without crops go to each crop
    assert joined.tolist() == [[[0, 0], [0, 0]], [[2, 1], [2, -1]], [[4, 2], [4, -2]]]


def test_a_video_has_features_of_all_types_or_of_none() -> None:
    finished: list[Outcome] = []
    both = ("slow", "fast")
    joiner = Joiner(RunConfig(align="slow"), dict.fromkeys(both, finished.append))
    joiner.end(ended("fast", both, seconds(7, 1.0)))
    assert not finished
    joiner.end(ended("slow", both, seconds(5, 2.0)))
    assert [(each.status, each.n_windows) for each in finished] == [("done", 3), ("done", 3)]
    joiner.end(ended("slow", both, None))
    joiner.end(ended("fast", both, seconds(7, 1.0)))
    assert [each.reason for each in finished[2:]] == [
        "videos/clip.mp4: broken",
        "videos/clip.mp4: --align: slow has no rows (broken)",
    ]
    joiner.end(ended("slow", ("slow",), seconds(5, 2.0)))
    assert finished[4].status == "failed"
    assert "fast took nothing of this video" in finished[4].reason
