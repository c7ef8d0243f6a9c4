"""What the main process does with each result: counts it, shows it, and gives the video's claim back."""

from collections.abc import Sequence
from typing import Any

from utils.run.input_folders import InputFolders
from utils.run.merging import Merger
from utils.run.output_state import OutputState
from utils.run.progress import RunProgress
from utils.run.summary import Totals
from utils.run.todo import Todo
from utils.sources.fingerprint import Fingerprint, fingerprint
from utils.sources.ref import VideoRef
from utils.state.claims import Claims
from utils.state.manifest import Manifest
from utils.storage.urls import redacted
from utils.worker.plan import Plan, Task, manifest_line


class Results:
    """Takes the manifest lines that workers have written, and writes those of videos that no worker could finish."""

    def __init__(
        self,
        plan: Plan,
        kept: Sequence[OutputState],
        todo: Todo,
        roots: InputFolders,
        claims: Claims | None,
        binding: Merger | None,
        progress: RunProgress,
    ) -> None:
        self._plan = plan
        self._todo = todo
        self._roots = roots
        self._claims = claims
        self._binding = binding
        self._progress = progress
        self._features = {feature.feature_type: feature for feature in plan.features}
        self._kept = kept
        self._folders = {one.feature.feature_type: one.folder for one in kept}
        self.totals = Totals()

    def handed_out(self, task: Task) -> None:
        """Take note that a worker gets a video."""
        if self._binding is not None:
            self._binding.handed_out(task.ref)

    def take(self, line: dict[str, Any], ref: VideoRef) -> None:
        """Take one result that is in the manifest.

        Raises:
            RunError: it failed since the folder of the videos is gone.
        """
        if line["source"].get("mtime_ns") is not None:
            self._roots.read_from(ref.path)
        elif line["status"] == "failed" and ref.refused is None:
            self._roots.check(ref.path)
        self.totals.result(line)
        if line["status"] != "done":
            several = len(self._plan.features) > 1
            self._progress.warn(f"{line['feature_type'] + ' ' if several else ''}{line['status']}: {line['reason']}")
        self._todo.finished(line["feature_type"], ref, line["status"])

    def unreported(self, ref: VideoRef, feature_types: Sequence[str]) -> list[dict[str, Any]]:
        """Return the results of a video that a worker wrote into the manifest and died before it could report."""
        found = []
        for one in self._kept:
            if one.feature.feature_type in feature_types:
                one.latest.refresh()
                line = one.latest.get(ref.id)
                if line and line.get("run") == one.feature.facts["run"]:
                    found.append(line)
        return found

    def video(self, task: Task, statuses: list[str]) -> None:
        """Take note that all results of a video are in."""
        self._progress.passed_over(self._todo.n_before + self._todo.n_elsewhere)
        self._progress.video(failed=self.totals.video(statuses) == "failed")
        if self._binding is not None:
            self._binding.finished(task.ref, statuses)

    def refused(self, task: Task) -> None:
        """Record a video that its source could not offer."""
        self.handed_out(task)
        status, reason = task.ref.refused
        label = task.ref.label
        named = reason if reason.startswith(label) else f"{label}: {reason}"
        self._write(task, status, named, [], fingerprint(task.ref))

    def give_up(self, task: Task, reason: str, statuses: list[str]) -> None:
        """Record a video that workers died with as failed. statuses: of the feature types that it has given."""
        not_asked = Fingerprint(redacted(task.ref.path), inspected=False)  # it may be what hangs
        self._write(task, "failed", reason, statuses, not_asked)

    def _write(self, task: Task, status: str, reason: str, statuses: list[str], source: Fingerprint) -> None:
        for feature_type in task.feature_types:
            line = manifest_line(self._features[feature_type], task.ref, status, reason, source, outputs=[], windows=0)
            if self._folders:
                Manifest(self._folders[feature_type]).append(line)
            self.take(line, task.ref)
            statuses = [*statuses, status]
        self.video(task, statuses)

    def tick(self) -> None:
        """Do what is due once in a while.

        Raises:
            RunError: this run can no longer show that it lives, so others may take its work.
        """
        if self._claims is not None and self._claims.lost is not None:
            raise self._claims.lost
        if self._binding is not None:
            self._binding.bind_due()

    def tidy(self) -> None:
        """Remove what ended workers left unfinished."""
        for folder in self._folders.values():
            folder.tidy()
