"""Merging: finished videos that workers staged one by one go into files that only one process may write.

Workers stage each video in a separate file (utils/sinks/staging.py). The main process merges them, one run at a time:
first the merged files appear, whole; then they are committed (utils/run/merge_journal.py). Killed before that, no
manifest line mentions the merged files, and they are written again.
"""

import contextlib
import time
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from typing import Protocol

from utils.errors import RunError
from utils.run.merge_journal import commit, has_journal, key, recover
from utils.run.output_state import OutputState
from utils.run.shard_marks import mark_finished
from utils.run.todo import Todo, unit_of
from utils.sinks.acav import merge_shards
from utils.sinks.formats import Merge, Merged
from utils.sinks.manifest_line import ManifestLine, Status
from utils.sinks.staging import is_staged, remove_staged, tidy_staging
from utils.sources.ref import VideoRef
from utils.state.claims import Claims
from utils.state.manifest import Latest
from utils.storage.folder import Folder
from utils.worker.plan import Plan

EVERY_VIDEOS = 10_000  # finished videos after which a long run merges what it has
WAIT_S = 0.5


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
    return FileMerger(merged, merged.merge, states, claims)


class FileMerger:
    """Files of many videos per feature type."""

    def __init__(self, merged: Merged, merge: Merge, states: Sequence[OutputState], claims: Claims) -> None:
        self._merged = merged
        self._merge = merge
        self._states = states
        self._claims = claims
        self._n_new = 0
        self.n_merged = 0

    def recover(self) -> None:
        """Finish what a killed run began to commit."""
        for state in self._states:
            if has_journal(state.folder):
                with _claimed(self._claims, f"merge:{state.feature_type}"):
                    self.n_merged += recover(state.folder, {state.feature_type: state.folder})
                state.latest = Latest(state.folder)  # as if these lines had been there all along

    def handed_out(self, ref: VideoRef) -> None:
        """Nothing: a video is merged once it is finished."""

    def finished(self, ref: VideoRef, statuses: Sequence[Status]) -> None:
        """Count a video."""
        self._n_new += 1

    def merge_due(self) -> None:
        """Merge after many videos. A file that grows is copied each time, so it is merged at the end only."""
        if self._merged.is_numbered and self._n_new >= EVERY_VIDEOS:
            self.finish()

    def finish(self) -> None:
        """Merge the staged videos of every feature type."""
        n_lost = 0
        for state in self._states:
            with _claimed(self._claims, f"merge:{state.feature_type}"):
                n_lost += self._merge_state(state)
        self._n_new = 0
        _report_lost(n_lost)

    def _merge_state(self, state: OutputState) -> int:
        """Merge the staged videos of one feature type; return how many were damaged."""
        folder = state.folder
        self.n_merged += recover(folder, {state.feature_type: folder})
        waiting = _waiting(state)
        outdated = _outdated(state, self._merged.suffix)
        lines = self._merge(folder, waiting, state.latest.merged_files, outdated) if waiting else []
        self.n_merged += commit(folder, {state.feature_type: folder}, lines, waiting)
        n_lost = _remove_lost(folder, waiting, lines)
        state.latest.refresh()
        if state.latest.outdated:
            mentioned = {output.file for line in state.latest for output in line.outputs}
            self._merged.remove_outdated(folder, mentioned, state.latest.outdated)
        tidy_staging(folder)
        return n_lost


class ShardMerger:
    """save_shards: one file per tar shard, with the features of all types, once every clip of it has been tried.

    This run has claimed the shards that it works on.
    """

    def __init__(self, plan: Plan, root: Folder, states: Sequence[OutputState], claims: Claims, todo: Todo) -> None:
        self._keys = plan.run.shard_keys
        self._states = states
        self._claims = claims
        self._todo = todo
        self._root = root
        self._folders = {state.feature_type: state.folder for state in states}
        self._in_work: Counter[str] = Counter()
        self._tars: dict[str, str] = {}  # of the shards that clips were handed out of, and not merged since
        self._failed: set[str] = set()
        self.n_merged = 0
        self._n_lost = 0  # clips whose staged features were damaged

    def recover(self) -> None:
        """Finish what a killed run began to commit."""
        if has_journal(self._root):
            with _claimed(self._claims, "merge"):
                self.n_merged += recover(self._root, self._folders)
            for state in self._states:
                state.latest = Latest(state.folder)  # as if these lines had been there all along

    def handed_out(self, ref: VideoRef) -> None:
        """Count a clip of a shard."""
        self._in_work[ref.shard] += 1
        self._tars[ref.shard] = ref.path

    def finished(self, ref: VideoRef, statuses: Sequence[Status]) -> None:
        """Count a clip down."""
        self._in_work[ref.shard] -= 1
        if "failed" in statuses:
            self._failed.add(ref.shard)

    def merge_due(self) -> None:
        """Write the files of the shards that are finished."""
        complete = {shard for shard in self._tars if self._is_complete(shard)}
        if complete:
            self._merge(complete)

    def finish(self) -> None:
        """Write the files of all finished shards, also of those whose last clips an earlier run extracted."""
        with _claimed(self._claims, "merge"):
            self.n_merged += recover(self._root, self._folders)
        shards = {line.shard for state in self._states for line in _waiting(state)}
        mine = {shard for shard in shards if all(self._claims.take(unit) for unit in self._units(shard))}
        self._merge({shard for shard in mine if self._is_complete(shard)})
        for folder in self._folders.values():
            tidy_staging(folder)
        n_lost, self._n_lost = self._n_lost, 0
        _report_lost(n_lost)

    def _is_complete(self, shard: str) -> bool:
        return shard in self._todo.whole_shards and not self._in_work[shard]

    def _merge(self, shards: set[str]) -> None:
        with _claimed(self._claims, "merge"):
            self.n_merged += recover(self._root, self._folders)
            lines = {state.feature_type: _by_shard(state, shards) for state in self._states}
            for shard in sorted(shards):
                self._merge_shard(shard, {name: found[shard] for name, found in lines.items()})
                if shard in self._tars:
                    tar = self._tars.pop(shard)
                    if shard not in self._failed:
                        mark_finished(self._root, shard, tar, self._states)
                for unit in self._units(shard):
                    self._claims.release(unit)

    def _merge_shard(self, shard: str, lines: Mapping[str, list[ManifestLine]]) -> None:
        """Write the file of a shard. lines: the latest of all its clips, those merged before included."""
        with_features = {name: [line for line in found if line.outputs] for name, found in lines.items()}
        typed = {name: (self._folders[name], found) for name, found in with_features.items()}
        names = {state.feature_type: state.feature.acav for state in self._states}
        n_clips = len({line.id for found in lines.values() for line in found})
        merged = merge_shards(self._root, shard, typed, names, self._keys, n_clips)
        waiting = [line for found in with_features.values() for line in found if _is_waiting(line)]
        keys = set(map(key, waiting))
        new = [line for found in merged.values() for line in found if key(line) in keys]
        self.n_merged += commit(self._root, self._folders, new, waiting)
        for name, found in with_features.items():
            waiting_here = [line for line in found if _is_waiting(line)]
            n_lost = _remove_lost(self._folders[name], waiting_here, new)
            self._n_lost += n_lost
            if n_lost:
                self._failed.add(shard)

    def _units(self, shard: str) -> list[str]:
        return [unit_of(state.feature_type, shard) for state in self._states]


@contextlib.contextmanager
def _claimed(claims: Claims, unit: str) -> Generator[None, None, None]:
    """Wait until no other run merges here."""
    while not claims.take(unit):
        time.sleep(WAIT_S)
    try:
        yield
    finally:
        claims.release(unit)


def _remove_lost(folder: Folder, waiting: Sequence[ManifestLine], merged: Sequence[ManifestLine]) -> int:
    """Remove the staged files that were too damaged to merge, so that their videos are extracted again; count them."""
    done = set(map(key, merged))
    lost = [line for line in waiting if key(line) not in done]
    remove_staged(folder, (output for line in lost for output in line.outputs))
    return len(lost)


def _report_lost(n_lost: int) -> None:
    if n_lost:
        raise RunError(
            f"the features of {n_lost} videos were damaged before they could be merged; run the same command again, "
            "which extracts them again"
        )


def _waiting(state: OutputState) -> list[ManifestLine]:
    """Return the latest lines whose outputs are staged."""
    state.latest.refresh()
    if not state.latest.has_staged:
        return []
    return [line for line in state.latest if _is_waiting(line)]


def _outdated(state: OutputState, suffix: str) -> set[str]:
    """Return the places in files with this suffix that only earlier lines of videos mention."""
    places = {place for file, found in state.latest.outdated.items() if file.endswith(suffix) for place in found}
    if places:
        places.difference_update(output.place or "" for line in state.latest for output in line.outputs)
    return places


def _is_waiting(line: ManifestLine) -> bool:
    return any(map(is_staged, line.outputs))


def _by_shard(state: OutputState, shards: set[str]) -> dict[str, list[ManifestLine]]:
    """Return the latest lines of all clips of these shards."""
    state.latest.refresh()
    found: dict[str, list[ManifestLine]] = {shard: [] for shard in shards}
    for line in state.latest:
        if line.shard in found:
            found[line.shard].append(line)
    return found
