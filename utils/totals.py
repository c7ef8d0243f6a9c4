"""How the videos of a run ended."""

from dataclasses import dataclass, field
from typing import Any

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
