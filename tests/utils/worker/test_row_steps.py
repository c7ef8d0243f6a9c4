import numpy as np
from support.sinks import record

from utils.config.run import RunConfig
from utils.sinks.record import Record
from utils.worker.events import Job
from utils.worker.pipeline import Outcome
from utils.worker.row_steps import after_steps, steps_of


def after(before: Record, **flags: object) -> tuple[Record | None, Job, str]:
    job = Job(before.ref, "i3d")
    outcome = after_steps(steps_of(RunConfig(**flags)), Outcome(job, "done", "", before, 3))  # pyright: ignore[reportArgumentType]  # flags of several types
    return outcome.record, job, outcome.reason


def test_nothing_is_done_by_default() -> None:
    before = record(keys=("rgb", "flow"))
    assert after(before)[0] is before


def test_concat_joins_in_the_order_of_the_keys() -> None:
    before = record(keys=("rgb", "flow"))
    joined, _, _ = after(before, concat=True)
    assert joined is not None
    assert joined.features == ["features"]
    assert list(joined.arrays) == ["features", "fps", "timestamps_ms"]
    np.testing.assert_array_equal(joined.arrays["features"][:, :4], before.arrays["rgb"])
    np.testing.assert_array_equal(joined.arrays["features"][:, 4:], before.arrays["flow"])
    before.arrays["flow"] = before.arrays["flow"][:2]
    nothing, _, reason = after(before, concat=True)
    assert nothing is None
    assert reason.endswith("and these are rgb [3, 4], flow [2, 4]")


def test_float16_leaves_integers_and_times_and_tells_of_what_it_loses() -> None:
    before = record(keys=("rgb", "bytes"))
    before.arrays["bytes"] = before.arrays["bytes"].astype(np.uint8)
    before.arrays["rgb"][1, :2] = 70000, np.inf
    narrow, job, _ = after(before, dtype="float16")
    assert narrow is not None
    assert [narrow.arrays[key].dtype for key in ("rgb", "bytes", "fps")] == [np.float16, np.uint8, np.float64]
    assert narrow.start_s is before.start_s
    assert job.problems == ["rgb: 1 numbers are too large for float16 and are saved as infinite"]


def test_without_times_features_are_alone() -> None:
    alone, _, _ = after(record(), save_times=False)
    assert alone is not None
    assert list(alone.timed_arrays) == ["rgb"]
