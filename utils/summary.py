"""The last lines of a run."""

from utils.errors import FramemillError
from utils.plan import Plan
from utils.runner import Interrupted
from utils.todo import Todo
from utils.totals import Totals
from utils.urls import redacted

RANDOM_WARNING = "--weights random: THE NETWORKS ARE FILLED WITH SEEDED NOISE, THE FEATURES MEAN NOTHING."


def summary(
    plan: Plan,
    totals: Totals,
    todo: Todo,
    listed: int | None,
    seconds: float,
    error: FramemillError | Interrupted | None,
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
