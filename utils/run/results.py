"""What the main process does with each result: counts it, shows it, and releases the video's claim."""

from collections.abc import Sequence

from utils.run.input_folders import InputFolders
from utils.run.merging import Merger
from utils.run.output_state import OutputState
from utils.run.progress import RunProgress
from utils.run.summary import SHOWN, Totals, where_all_are
from utils.run.todo import Todo
from utils.sinks.manifest_line import ManifestLine, Status
from utils.sources.fingerprint import Fingerprint, fingerprint
from utils.sources.ref import VideoRef
from utils.state.claims import Claims
from utils.state.manifest import Manifest
from utils.storage.urls import redacted
from utils.worker.plan import Plan, Task


class Results:
    """Takes the manifest lines that workers have written, and writes those of videos that no worker could finish."""

    def __init__(
        self,
        plan: Plan,
        states: Sequence[OutputState],
        todo: Todo,
        input_folders: InputFolders,
        claims: Claims | None,
        merger: Merger | None,
        progress: RunProgress,
    ) -> None:
        self._plan = plan
        self._todo = todo
        self._input_folders = input_folders
        self._claims = claims
        self._merger = merger
        self._progress = progress
        self._features = {feature.feature_type: feature for feature in plan.features}
        self._states = states
        self._folders = {state.feature_type: state.folder for state in states}
        self.totals = Totals()

    def handed_out(self, task: Task) -> None:
        """Note that a worker gets a video."""
        if self._merger is not None:
            self._merger.handed_out(task.ref)

    def take(self, line: ManifestLine, ref: VideoRef) -> None:
        """Take one result that is in the manifest.

        Raises:
            RunError: it failed because the folder of the videos is gone.
        """
        if line.source.mtime_ns is not None:
            self._input_folders.read_from(ref.path)
        elif line.status == "failed" and ref.refused is None:
            self._input_folders.check(ref.path)
        self.totals.result(line)
        if line.status != "done":
            self._show(line)
        self._todo.finished(line.stamp.feature_type, ref)

    def _show(self, line: ManifestLine) -> None:
        if self.totals.n_lines <= SHOWN:
            several = len(self._plan.features) > 1
            self._progress.warn(f"{line.stamp.feature_type + ' ' if several else ''}{line.status}: {line.reason}")
        elif self.totals.n_lines == SHOWN + 1:
            self._progress.warn(f"… more such lines are not shown; {where_all_are(self._plan)}")

    def unreported(self, ref: VideoRef, feature_types: Sequence[str]) -> list[ManifestLine]:
        """Return the results of a video that a worker wrote into the manifest and died before it could report."""
        found: list[ManifestLine] = []
        for state in self._states:
            if state.feature_type in feature_types:
                state.latest.refresh()
                line = state.latest.get(ref.id)
                if line is not None and line.stamp.run == state.feature.stamp.run:
                    found.append(line)
        return found

    def video(self, task: Task, statuses: Sequence[Status]) -> None:
        """Note that all results of a video are in."""
        self._progress.passed_over(self._todo.n_before + self._todo.n_elsewhere)
        self._progress.video(task.ref.id, failed=self.totals.video(statuses) == "failed")
        self._todo.completed(task.ref, statuses)
        if self._merger is not None:
            self._merger.finished(task.ref, statuses)

    def refused(self, task: Task, status: Status, reason: str) -> None:
        """Record a video that its source could not offer."""
        self.handed_out(task)
        label = task.ref.label
        named = reason if reason.startswith(label) else f"{label}: {reason}"
        self._write(task, status, named, [], fingerprint(task.ref))

    def give_up(self, task: Task, reason: str, statuses: Sequence[Status]) -> None:
        """Record as failed a video that workers died with. statuses: of the feature types that it has given."""
        not_asked = Fingerprint(redacted(task.ref.path), inspected=False)  # it may be what hangs
        self._write(task, "failed", reason, statuses, not_asked)

    def _write(self, task: Task, status: Status, reason: str, statuses: Sequence[Status], source: Fingerprint) -> None:
        for feature_type in task.feature_types:
            revision = task.revisions.get(feature_type, 0)
            line = self._features[feature_type].line(task.ref, status, reason, source, revision=revision)
            if self._folders:
                Manifest(self._folders[feature_type]).append(line)
            self.take(line, task.ref)
            statuses = [*statuses, status]
        self.video(task, statuses)

    def tick(self) -> None:
        """Do the periodic work of a run; called about once a second.

        Raises:
            RunError: this run can no longer show that it is alive, so others may take its work.
        """
        if self._claims is not None and self._claims.lost is not None:
            raise self._claims.lost
        self._todo.release_finished()
        if self._merger is not None:
            self._merger.merge_due()

    def tidy(self) -> None:
        """Remove what ended workers left unfinished."""
        for folder in self._folders.values():
            folder.tidy()
