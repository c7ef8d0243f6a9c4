"""Merging for save_shards: a file for each tar shard."""

from collections import Counter
from collections.abc import Mapping, Sequence

from utils.run.merge_journal import commit, has_journal, key, recover
from utils.run.merge_steps import claimed, is_waiting, remove_lost, report_lost
from utils.run.output_state import OutputState
from utils.run.shard_marks import mark_finished
from utils.run.todo import Todo
from utils.run.wanted import unit_of
from utils.sinks.acav import merge_shards
from utils.sinks.manifest_line import ManifestLine, Status
from utils.sinks.staging import tidy_staging
from utils.sources.ref import VideoRef
from utils.state.claims import Claims
from utils.storage.folder import Folder
from utils.worker.plan import Plan


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
            with claimed(self._claims, "merge"):
                self.n_merged += recover(self._root, self._folders)
            for state in self._states:
                state.latest = state.latest.anew()  # as if these lines had been there all along

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
        with claimed(self._claims, "merge"):
            self.n_merged += recover(self._root, self._folders)
        shards = {line.shard for state in self._states for line in _waiting(state)}
        mine = {shard for shard in shards if all(self._claims.take(unit) for unit in self._units(shard))}
        self._merge({shard for shard in mine if self._is_complete(shard)})
        for folder in self._folders.values():
            tidy_staging(folder)
        n_lost, self._n_lost = self._n_lost, 0
        report_lost(n_lost)

    def _is_complete(self, shard: str) -> bool:
        return shard in self._todo.whole_shards and not self._in_work[shard]

    def _merge(self, shards: set[str]) -> None:
        with claimed(self._claims, "merge"):
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
        waiting = [line for found in with_features.values() for line in found if is_waiting(line)]
        keys = set(map(key, waiting))
        new = [line for found in merged.values() for line in found if key(line) in keys]
        self.n_merged += commit(self._root, self._folders, new, waiting)
        for name, found in with_features.items():
            waiting_here = [line for line in found if is_waiting(line)]
            n_lost = remove_lost(self._folders[name], waiting_here, new)
            self._n_lost += n_lost
            if n_lost:
                self._failed.add(shard)

    def _units(self, shard: str) -> list[str]:
        return [unit_of(state.feature_type, shard) for state in self._states]


def _waiting(state: OutputState) -> list[ManifestLine]:
    """Return the latest lines whose outputs are staged."""
    state.latest.refresh()
    if not state.latest.has_staged:
        return []
    return [line for line in state.latest if is_waiting(line)]


def _by_shard(state: OutputState, shards: set[str]) -> dict[str, list[ManifestLine]]:
    """Return the latest lines of all clips of these shards."""
    state.latest.refresh()
    found: dict[str, list[ManifestLine]] = {shard: [] for shard in shards}
    for line in state.latest:
        if line.shard in found:
            found[line.shard].append(line)
    return found
