"""How the videos of a run ended, and its last lines."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from utils.config.words import counted
from utils.errors import PROGRAM, FeatmillError, Interrupted
from utils.run.todo import Todo
from utils.sinks.manifest_line import STATUSES, ManifestLine, Status
from utils.storage.urls import redacted
from utils.worker.plan import Plan

SHOWN = 50  # results that are named one by one, when they come and in the summary; a list may fail whole


@dataclass
class Totals:
    """Counts of videos by their worst result, and the first results that are failed, skipped or partial."""

    counts: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(STATUSES, 0))
    windows: int = 0
    lines: list[ManifestLine] = field(default_factory=list[ManifestLine])
    n_lines: int = 0

    @property
    def videos(self) -> int:
        """Return how many videos ended."""
        return sum(self.counts.values())

    def result(self, line: ManifestLine) -> None:
        """Count one result: a video and a feature type."""
        self.windows += line.windows
        if line.status != "done":
            self.n_lines += 1
            if len(self.lines) < SHOWN:
                self.lines.append(line)

    def video(self, statuses: Sequence[Status]) -> Status:
        """Count one video with the results of its feature types; return its status, the worst of them."""
        worst = max(statuses, key=STATUSES.index)
        self.counts[worst] += 1
        return worst


def summary(
    plan: Plan,
    totals: Totals,
    todo: Todo,
    listed: int | None,
    seconds: float,
    error: FeatmillError | Interrupted | None,
) -> str:
    """Return how many videos a run did, which ones are not done and why, and what to do.

    listed: how many videos this run's part of the list has, None where that is not known.
    """
    parts = [f"{number} {status}" for status, number in totals.counts.items() if number or status == "done"]
    left = (listed or 0) - totals.videos - todo.n_before - todo.n_elsewhere
    if left > 0 and (error is not None or plan.run.most_videos is not None):
        parts.append(f"{left} not done")
    lines = [
        f"{counted(totals.videos, 'video')} in {seconds:.1f} s: {', '.join(parts)}; {counted(totals.windows, 'window')}"
    ]
    if todo.n_before:
        lines.append(f"{todo.n_before} more {_were(todo.n_before)} done already")
    if todo.n_elsewhere:
        lines.append(f"{todo.n_elsewhere} more {_were(todo.n_elsewhere)} done by other runs meanwhile")
    if todo.n_waiting:
        lines.append(f"{counted(todo.n_waiting, 'video')} left to other runs, in progress there")
    if n_changed := todo.changes.n:
        lines.append(f"{n_changed} {_were(n_changed)} extracted again, as the input is not what it was")
        lines += [f"  changed: {change}" for change in todo.changes.first]
        lines += [f"  … and {n_changed - len(todo.changes.first)} more"] if n_changed > len(todo.changes.first) else []
    lines += [f"  {line.status}: {line.reason}" for line in totals.lines]
    if totals.n_lines > len(totals.lines):
        lines.append(f"  … and {totals.n_lines - len(totals.lines)} more; {where_all_are(plan)}")
    if plan.format.saves:
        lines += [f"outputs and manifest.jsonl in {redacted(feature.output)}" for feature in plan.features]
    if isinstance(error, Interrupted):
        lines.append(f"stopped by {error}; run the same command again to resume")
    elif totals.counts["failed"] and error is None:
        lines.append("run the same command again to retry the failed ones; the others are kept")
    return "\n".join(lines)


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def where_all_are(plan: Plan) -> str:
    """Return where a user finds the results that are not shown."""
    if plan.format.saves:
        return f"all are in manifest.jsonl: {PROGRAM} status {redacted(plan.run.output_path)}"
    return "--output_path DIR keeps them all in a manifest"
