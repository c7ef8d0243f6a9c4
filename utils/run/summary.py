"""The last lines of a run."""

from dataclasses import dataclass, field
from typing import Any

from utils.errors import FeatmillError, Interrupted
from utils.run.todo import Todo
from utils.storage.urls import redacted
from utils.worker.plan import Plan

RANDOM_WARNING = "--weights random: THE NETWORKS ARE FILLED WITH SEEDED NOISE, THE FEATURES MEAN NOTHING."


STATUSES = ("done", "partial", "skipped", "failed")  # from best to worst


SHOWN = 50  # results that the summary names one by one; the manifest has them all


@dataclass
class Totals:
    """Counts of videos by their worst result, and the first results that are not simply done."""

    done: int = 0
    partial: int = 0
    skipped: int = 0
    failed: int = 0
    windows: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)
    n_lines: int = 0

    @property
    def videos(self) -> int:
        """Return how many videos ended."""
        return sum(self.counts().values())

    def counts(self) -> dict[str, int]:
        """Return the number of videos of each status."""
        return {status: getattr(self, status) for status in STATUSES}

    def result(self, line: dict[str, Any]) -> None:
        """Count one result: a video and a feature type."""
        self.windows += line["windows"]
        if line["status"] != "done":
            self.n_lines += 1
            if len(self.lines) < SHOWN:
                self.lines.append(line)

    def video(self, statuses: list[str]) -> str:
        """Count one video with the results of its feature types; return its status, the worst of them."""
        worst = max(statuses, key=STATUSES.index)
        setattr(self, worst, getattr(self, worst) + 1)
        return worst


def summary(
    plan: Plan,
    totals: Totals,
    todo: Todo,
    listed: int | None,
    seconds: float,
    error: FeatmillError | Interrupted | None,
) -> str:
    """Return how many videos a run did, which ones are not simply done and why, and what to do.

    listed: how many videos the sources offer, None where that is not known.
    """
    parts = [f"{number} {status}" for status, number in totals.counts().items() if number or status == "done"]
    left = (listed or 0) - totals.videos - todo.n_before - todo.n_elsewhere
    if left > 0 and (error is not None or plan.run.limit is not None):
        parts.append(f"{left} not done")
    lines = [f"{totals.videos} videos in {seconds:.1f} s: {', '.join(parts)}; {totals.windows} windows"]
    if todo.n_before:
        lines.append(f"{todo.n_before} more were done already")
    if todo.n_elsewhere:
        lines.append(f"{todo.n_elsewhere} more were done by other runs meanwhile")
    if todo.n_waiting:
        lines.append(f"{todo.n_waiting} are left in the hands of other runs")
    lines += [f"  {line['status']}: {line['reason']}" for line in totals.lines]
    if totals.n_lines > len(totals.lines):
        lines.append(f"  … and {totals.n_lines - len(totals.lines)} more: python main.py status {plan.run.output_path}")
    if plan.keeps_files:
        lines += [f"outputs and manifest.jsonl in {redacted(feature.output)}" for feature in plan.features]
    if plan.run.weights == "random":
        lines.append(RANDOM_WARNING)
    if isinstance(error, Interrupted):
        lines.append(f"stopped by {error}; run the same command again to go on")
    elif totals.failed and error is None:
        lines.append("run the same command again to try the failed ones once more; the others are kept")
    return "\n".join(lines)
