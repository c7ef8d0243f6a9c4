"""Merging: finished videos that workers staged one by one go into files that only one process may write.

Workers stage each video in a separate file (utils/sinks/staging.py). The main process merges them, one run at a time:
first the merged files appear, whole; then they are committed (utils/run/merge_journal.py). Killed before that, no
manifest line mentions the merged files, and they are written again.
"""

import sys
from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from utils.run.merge_journal import commit, has_journal, recover
from utils.run.merge_steps import claimed, is_waiting, remove_lost, report_lost
from utils.run.output_state import OutputState
from utils.run.shard_merging import ShardMerger
from utils.run.todo import Todo
from utils.sinks.formats import Merge, Merged
from utils.sinks.manifest_line import ManifestLine, Status
from utils.sinks.staging import tidy_staging
from utils.sources.ref import VideoRef
from utils.state.claims import Claims
from utils.state.manifest import Latest
from utils.storage.folder import Folder
from utils.worker.plan import Plan

EVERY_VIDEOS = 10_000  # finished videos after which a long run merges what it has


class Merger(Protocol):
    """Merges staged videos: what it can during the run, all that is left at its end.

    n_merged: results of videos that this run has merged, whichever run extracted them.
    """

    n_merged: int

    def recover(self) -> None:
        """Finish what a killed run began to commit, before videos are handed out: its lines are older than this run's.

        Raises:
            RunError: an output folder cannot be written.
        """
        ...

    def handed_out(self, ref: VideoRef) -> None:
        """Take note that a video is being extracted."""
        ...

    def finished(self, ref: VideoRef, statuses: Sequence[Status]) -> None:
        """Take note that all results of a video are in the manifest."""
        ...

    def merge_due(self) -> None:
        """Merge what is worth it by now.

        Raises:
            RunError: an output folder cannot be written.
        """
        ...

    def finish(self) -> None:
        """Merge all staged videos, also those that earlier runs left.

        Raises:
            RunError: an output folder cannot be written.
        """
        ...


def merger_of(
    plan: Plan, root: Folder, states: Sequence[OutputState], claims: Claims | None, todo: Todo
) -> Merger | None:
    """Return what merges the outputs of a run, None where each video has its own files."""
    merged = plan.format.merged
    if claims is None or merged is None:
        return None
    if merged.merge is None:
        return ShardMerger(plan, root, states, claims, todo)
    return FileMerger(merged, merged.merge, states, claims, reopens=plan.run.shard is None)


class FileMerger:
    """Files of many videos per feature type.

    reopens: whether the newest file may be written anew with what came later. Each part of a list would do so.
    """

    def __init__(
        self, merged: Merged, merge: Merge, states: Sequence[OutputState], claims: Claims, reopens: bool = True
    ) -> None:
        self._merged = merged
        self._merge = merge
        self._states = states
        self._claims = claims
        self._reopens = reopens or not merged.is_numbered
        self._n_new = 0
        self._in_work: set[int] = set()  # places in the list
        self.n_merged = 0

    def recover(self) -> None:
        """Finish what a killed run began to commit."""
        for state in self._states:
            if has_journal(state.folder):
                with claimed(self._claims, f"merge:{state.feature_type}"):
                    self.n_merged += recover(state.folder, {state.feature_type: state.folder})
                state.latest = state.latest.anew()  # as if these lines had been there all along

    def handed_out(self, ref: VideoRef) -> None:
        """Note that a video's place in the list is open."""
        self._in_work.add(ref.position)

    def finished(self, ref: VideoRef, statuses: Sequence[Status]) -> None:
        """Count a video."""
        self._n_new += 1
        self._in_work.discard(ref.position)

    def merge_due(self) -> None:
        """Merge after many videos what fills files, up to the first video in the list that is not finished.

        A file that grows is written anew each time, so it is merged at the end only.
        """
        if self._merged.is_numbered and self._n_new >= EVERY_VIDEOS:
            self._merge_all(min(self._in_work, default=sys.maxsize))

    def finish(self) -> None:
        """Merge the staged videos of every feature type."""
        self._merge_all(None)

    def _merge_all(self, end: int | None) -> None:
        """Merge. end: full files only, of videos before this place in the list; None: all."""
        n_lost = 0
        for state in self._states:
            with claimed(self._claims, f"merge:{state.feature_type}"):
                n_lost += self._merge_state(state, end)
        self._n_new = 0
        report_lost(n_lost)

    def _merge_state(self, state: OutputState, end: int | None) -> int:
        """Merge the staged videos of one feature type; return how many were damaged."""
        folder = state.folder
        self.n_merged += recover(folder, {state.feature_type: folder})
        waiting, there = self._look(state, end)
        reopened = self._merged.reopened(there) if waiting and end is None and self._reopens else set[str]()
        kept, taken = _Lines(state.latest, reopened), there.keys() - reopened
        found = self._merge(folder, waiting, kept, taken, end is not None) if waiting else []
        lines = [line for line in found if not is_waiting(line)]
        self.n_merged += commit(folder, {state.feature_type: folder}, lines, waiting)
        n_lost = remove_lost(folder, waiting, found) + sum(line.status == "failed" for line in found)
        self._remove_outdated(state, reopened)
        tidy_staging(folder)
        return n_lost

    def _look(self, state: OutputState, end: int | None) -> tuple[list[ManifestLine], dict[str, ManifestLine]]:
        """Return the latest lines whose outputs are staged, up to `end`, and one for each merged file."""
        waiting: list[ManifestLine] = []
        there: dict[str, ManifestLine] = {}
        state.latest.refresh()
        for line in state.latest if state.latest.has_staged else ():
            if not is_waiting(line):
                there |= {output.file: line for output in line.outputs if self._merged.suffix in output.file}
            elif end is None or line.position < end:
                waiting.append(line)
        return waiting, there

    def _remove_outdated(self, state: OutputState, reopened: Collection[str]) -> None:
        """Remove what only earlier lines mention: videos that were extracted again, files that were replaced."""
        state.latest.refresh()
        outdated = state.latest.outdated
        if not (outdated or reopened) or not self._merged.is_numbered:
            return
        mentioned: set[str] = set()
        for line in state.latest:
            for output in line.outputs:
                mentioned.add(output.file)
                if output.file in outdated:
                    outdated[output.file].discard(output.place or "")
        self._merged.remove_outdated(
            state.folder, mentioned, {file: places for file, places in outdated.items() if places}
        )


class _Lines:
    """The latest lines of the videos in these files."""

    def __init__(self, latest: Latest, files: Collection[str]) -> None:
        self._latest = latest
        self._files = files

    def __iter__(self) -> Iterator[ManifestLine]:
        if self._files:
            yield from (line for line in self._latest if any(output.file in self._files for output in line.outputs))
