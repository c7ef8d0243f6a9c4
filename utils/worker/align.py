"""--align: the rows of all feature types of a video on the windows of one of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from utils.config.run import RunConfig
from utils.errors import VideoError
from utils.sinks.manifest_line import Status
from utils.sinks.record import Record
from utils.sinks.rows import nearest_rows
from utils.worker.pipeline import Outcome

Finish = Callable[[Outcome], None]


class Joiner:
    """Holds the outcomes of a video until all its feature types have ended, then hands them on with rows on one grid.

    A video has features of all types or of none. In memory are the outcomes of the videos in flight.

    finish: what takes the outcomes of each feature type of the run.
    """

    def __init__(self, run: RunConfig, finish: Mapping[str, Finish]) -> None:
        self._run = run
        self._finish = finish
        self._ended: dict[str, dict[str, Outcome]] = {}  # by the video's id, then by feature type

    def end(self, outcome: Outcome) -> None:
        """Take the outcome of one feature type; the last of a video hands all of them on."""
        job = outcome.job
        ended = self._ended.setdefault(job.ref.id, {})
        ended[job.feature_type] = outcome
        if ended.keys() >= set(job.task_types):
            del self._ended[job.ref.id]
            for feature_type, joined in self._joined(ended).items():
                self._finish[feature_type](joined)

    def _joined(self, ended: Mapping[str, Outcome]) -> dict[str, Outcome]:
        missing = [name for name in self._finish if name not in ended]
        if missing:
            return _without_rows(ended, "failed", f"{', '.join(missing)} took nothing of this video; run it again")
        for name, outcome in ended.items():
            if outcome.record is None:
                worst = "failed" if any(each.status == "failed" for each in ended.values()) else "skipped"
                return _without_rows(ended, worst, f"{name} has no rows ({_own(outcome)})")
        records = {name: record for name in self._finish if (record := ended[name].record) is not None}
        try:
            aligned = align(records, self._run)
        except VideoError as error:
            return _without_rows(ended, "failed", str(error))
        outcomes = {
            name: replace(ended[name], record=record, n_windows=len(record.arrays[record.features[0]]))
            for name, record in aligned.items()
        }
        return _in_one(outcomes, aligned, str(self._run.align)) if self._run.concat else outcomes


def _in_one(outcomes: dict[str, Outcome], aligned: Mapping[str, Record], grid_type: str) -> dict[str, Outcome]:
    """Return the outcomes with the features of all types in the record of `grid_type`, for --concat to join."""
    record = aligned[grid_type]
    features = {f"{name}/{key}": each.arrays[key] for name, each in aligned.items() for key in each.features}
    others = {key: array for key, array in record.arrays.items() if key not in record.features}
    partial = next((each for each in outcomes.values() if each.status == "partial"), outcomes[grid_type])
    joined = replace(record, arrays=features | others, features=list(features))
    return {
        name: replace(outcome, record=joined, status=partial.status, reason=partial.reason)
        if name == grid_type
        else replace(outcome, record=None, reason=outcome.reason or f"its rows are in the array of {grid_type}")
        for name, outcome in outcomes.items()
    }


def _without_rows(ended: Mapping[str, Outcome], status: Status, reason: str) -> dict[str, Outcome]:
    """Return the outcomes of a video whose types cannot be aligned; those that have failed keep their own reason."""
    return {
        name: outcome
        if outcome.record is None and outcome.status == status
        else Outcome(outcome.job, status, f"{outcome.job.ref.label}: --align: {reason}")
        for name, outcome in ended.items()
    }


def _own(outcome: Outcome) -> str:
    """Return the reason of an outcome without its video's name, which the line has already."""
    return outcome.reason.removeprefix(f"{outcome.job.ref.label}: ")


@dataclass(frozen=True)
class Spans:
    """When each row begins and ends, in seconds, float64 [rows]; of frames, when the last one is no longer shown."""

    start_s: np.ndarray
    end_s: np.ndarray

    @classmethod
    def of(cls, feature_type: str, record: Record) -> "Spans":
        """Return the spans of a record's rows. Raises VideoError if it has no row per window."""
        if record.start_s is None or record.end_s is None:
            raise VideoError(f"{feature_type} has no row per window")
        frame_s = 1 / float(record.arrays["fps"]) if "fps" in record.arrays else 0.0
        return cls(record.start_s, record.end_s + frame_s)

    @property
    def middle_s(self) -> np.ndarray:
        """The middle of each row."""
        return (self.start_s + self.end_s) / 2


def align(records: Mapping[str, Record], run: RunConfig) -> dict[str, Record]:
    """Return the records of one video with the rows of all types on the windows of type --align.

    Raises:
        VideoError: a type has no row per window, or no window is left.
    """
    spans = {name: Spans.of(name, record) for name, record in records.items()}
    grid_type = str(run.align)
    grid, windows = spans[grid_type], records[grid_type]
    n_rows = len(grid.start_s)
    if run.align_ends == "truncate":
        shortest_s = min(float(each.end_s.max()) for each in spans.values())
        n_rows = int(np.count_nonzero(grid.middle_s < shortest_s))
    if n_rows == 0:
        raise VideoError(f"no window of {grid_type} lies in the time that all types have rows of")
    kept = Spans(grid.start_s[:n_rows], grid.end_s[:n_rows])
    return {
        name: _on(windows, n_rows, record, lambda rows, own=spans[name]: resampled(rows, own, kept, run.align_by))
        if name != grid_type
        else _on(windows, n_rows, record, lambda rows: rows[:n_rows])
        for name, record in records.items()
    }


def _on(windows: Record, n_rows: int, record: Record, resample: Callable[[np.ndarray], np.ndarray]) -> Record:
    """Return a record with resampled features and the times of the first `n_rows` windows."""
    if windows.start_s is None or windows.end_s is None:
        raise ValueError("windows have times")
    arrays = record.arrays | {key: resample(record.arrays[key]) for key in record.features}
    end_s = windows.end_s[:n_rows]
    if "timestamps_ms" in arrays:
        arrays["timestamps_ms"] = 1000 * end_s
    return replace(record, arrays=arrays, start_s=windows.start_s[:n_rows], end_s=end_s)


def resampled(rows: np.ndarray, own: Spans, grid: Spans, by: str) -> np.ndarray:
    """Return a row for each span of the grid.

    by: "nearest", the row whose middle is nearest to the middle of the span, the earlier of two; or "mean", of the rows
    whose middle lies in the span, its end excluded; of those where there is none the nearest.
    """
    chosen = rows[nearest_rows(own.middle_s, grid.middle_s)]
    if by == "nearest":
        return chosen
    order = np.argsort(own.middle_s, kind="stable")
    rows, middle_s = rows[order], own.middle_s[order]
    chosen = chosen.astype(rows.dtype if rows.dtype.kind == "f" else np.float32)
    starts, stops = np.searchsorted(middle_s, grid.start_s), np.searchsorted(middle_s, grid.end_s)
    for i, (start, stop) in enumerate(zip(starts.tolist(), stops.tolist(), strict=True)):
        if start < stop:
            chosen[i] = rows[start:stop].mean(0, dtype=np.float64)
    return chosen
