"""Steps on the rows of one video, with their times, between its network and its sink."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from utils.config.run import RunConfig
from utils.errors import VideoError
from utils.sinks.record import Record
from utils.worker.pipeline import Outcome

# Returns the record to continue with. The list takes problems for the manifest line; VideoError fails the video.
RowStep = Callable[[Record, list[str]], Record]

JOINED = "features"  # the key of what --concat makes


def steps_of(run: RunConfig) -> tuple[RowStep, ...]:
    """Return the steps that the flags of a run ask for, in order."""
    steps: list[RowStep] = []
    if run.concat:
        steps.append(concat)
    if run.dtype == "float16":
        steps.append(to_float16)
    if not run.save_times:
        steps.append(without_times)
    if run.array_layout == "columns":
        steps.append(as_columns)
    return tuple(steps)


def through(steps: Sequence[RowStep], finish: Callable[[Outcome], None]) -> Callable[[Outcome], None]:
    """Return `finish` with the steps before it."""
    return (lambda outcome: finish(after_steps(steps, outcome))) if steps else finish


def after_steps(steps: Sequence[RowStep], outcome: Outcome) -> Outcome:
    """Return an outcome whose record has gone through the steps; failed where one of them fails the video."""
    record, job = outcome.record, outcome.job
    if record is None:
        return outcome
    try:
        for step in steps:
            record = step(record, job.problems)
    except VideoError as error:
        return Outcome(job, "failed", f"{job.ref.label}: {error}")
    return replace(outcome, record=record)


def concat(record: Record, _problems: list[str]) -> Record:
    """Join all features along the last axis as one array, "features"; rows without crops go to each crop."""
    parts = [record.arrays[key] for key in record.features]
    if {part.ndim for part in parts} == {2, 3}:
        n_crops = max(part.shape[1] for part in parts if part.ndim == 3)
        parts = [part if part.ndim == 3 else np.repeat(part[:, None], n_crops, axis=1) for part in parts]
    if len({part.shape[:-1] for part in parts}) > 1:
        shapes = ", ".join(f"{key} {list(record.arrays[key].shape)}" for key in record.features)
        raise VideoError(f"--concat joins arrays that differ in the last axis only, and these are {shapes}")
    joined = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
    others = {key: array for key, array in record.arrays.items() if key not in record.features}
    return replace(record, arrays={JOINED: joined, **others}, features=[JOINED])


def to_float16(record: Record, problems: list[str]) -> Record:
    """Round features to float16; integers and times stay. Numbers that become infinite are a problem."""
    arrays = dict(record.arrays)
    for key in record.features:
        if (wide := arrays[key]).dtype.kind != "f":
            continue
        with np.errstate(over="ignore"):
            arrays[key] = wide.astype(np.float16)
        n_lost = np.count_nonzero(np.isinf(arrays[key]) & np.isfinite(wide))
        if n_lost:
            problems.append(f"{key}: {n_lost} numbers are too large for float16 and are saved as infinite")
    return replace(record, arrays=arrays)


def without_times(record: Record, _problems: list[str]) -> Record:
    """Leave the features alone."""
    return replace(record, arrays={key: record.arrays[key] for key in record.features}, start_s=None, end_s=None)


def as_columns(record: Record, _problems: list[str]) -> Record:
    """Have the sink write features as columns."""
    return replace(record, as_columns=True)
