"""When parts are bound: finished videos that workers left one by one go into files that only one process may write.

Workers leave each video as a part (utils/sinks/staging.py). The main process puts parts together, one run at a time:
the bound files appear whole; then a journal says which manifest lines change; then the manifest gets these lines; then
the parts go, and the journal. Killed before the journal, the bound files are nobody's and are made again; killed after
it, the next run finishes from the journal. So no video is lost, and none is bound twice.
"""

import contextlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol

from utils.run.output_state import OutputState
from utils.run.shard_marks import mark_finished
from utils.run.todo import Todo, unit_of
from utils.sinks import acav, formats, staging
from utils.sources.ref import VideoRef
from utils.state.claims import Claims
from utils.state.manifest import Line, Manifest
from utils.storage.folder import Folder
from utils.worker.plan import Plan

JOURNAL = ".featmill/bind.jsonl"
EVERY_VIDEOS = 10_000  # finished videos after which a long run binds what it has
WAIT_S = 0.5


class Merger(Protocol):
    """Puts parts together: what it can while the run goes on, all that is left at its end."""

    def handed_out(self, ref: VideoRef) -> None:
        """Take note that a video is being extracted."""
        ...

    def finished(self, ref: VideoRef, statuses: Sequence[str]) -> None:
        """Take note that all results of a video are in the manifest."""
        ...

    def bind_due(self) -> None:
        """Bind what is worth it by now.

        Raises:
            RunError: an output folder cannot be written.
        """
        ...

    def finish(self) -> None:
        """Bind all parts, also those that earlier runs left.

        Raises:
            RunError: an output folder cannot be written.
        """
        ...


def merger_of(
    plan: Plan, root: Folder, kept: Sequence[OutputState], claims: Claims | None, todo: Todo
) -> Merger | None:
    """Return what binds the outputs of a run, None where each video has files of its own."""
    if claims is None or plan.run.on_extraction not in formats.BOUND:
        return None
    if plan.run.on_extraction == "save_shards":
        return ShardMerger(plan, root, kept, claims, todo)
    return FileMerger(plan, kept, claims)


class FileMerger:
    """save_h5, save_parquet, save_webdataset: files per feature type."""

    def __init__(self, plan: Plan, kept: Sequence[OutputState], claims: Claims) -> None:
        self._kind = plan.run.on_extraction
        self._kept = kept
        self._claims = claims
        self._n_new = 0

    def handed_out(self, ref: VideoRef) -> None:
        """Nothing: a video is bound once it is finished."""

    def finished(self, ref: VideoRef, statuses: Sequence[str]) -> None:
        """Count a video."""
        self._n_new += 1

    def bind_due(self) -> None:
        """Bind after many videos. Not the one HDF5 file, which is copied each time: only at the end."""
        if self._kind != "save_h5" and self._n_new >= EVERY_VIDEOS:
            self.finish()

    def finish(self) -> None:
        """Bind the parts of every feature type."""
        for kept in self._kept:
            with _claimed(self._claims, f"bind:{kept.feature.feature_type}"):
                self._bind(kept)
        self._n_new = 0

    def _bind(self, kept: OutputState) -> None:
        folder = kept.folder
        _recover(folder, {kept.feature.feature_type: folder})
        waiting = _waiting(kept)
        if waiting:
            bound = formats.merge(self._kind, folder, waiting, kept.latest.bound_files)
            _commit(folder, {kept.feature.feature_type: folder}, bound, waiting)
        kept.latest.refresh()
        if kept.latest.outdated:
            taken = {output["file"] for line in kept.latest for output in line.get("outputs", [])}
            formats.remove_outdated(self._kind, folder, taken, kept.latest.outdated)
        staging.tidy_staging(folder)


class ShardMerger:
    """save_shards: one file per tar shard, with the features of all types, once every clip of it has been tried.

    This run has claimed the shards that it works on.
    """

    def __init__(self, plan: Plan, root: Folder, kept: Sequence[OutputState], claims: Claims, todo: Todo) -> None:
        self._keys = plan.run.shard_keys
        self._kept = kept
        self._claims = claims
        self._todo = todo
        self._root = root
        self._folders = {one.feature.feature_type: one.folder for one in kept}
        self._in_work: Counter[str] = Counter()
        self._tars: dict[str, str] = {}  # of the shards that clips were handed out of, and not bound since
        self._failed: set[str] = set()

    def handed_out(self, ref: VideoRef) -> None:
        """Count a clip of a shard."""
        self._in_work[ref.shard] += 1
        self._tars[ref.shard] = ref.path

    def finished(self, ref: VideoRef, statuses: Sequence[str]) -> None:
        """Count a clip down."""
        self._in_work[ref.shard] -= 1
        if "failed" in statuses:
            self._failed.add(ref.shard)

    def bind_due(self) -> None:
        """Write the files of the shards that are finished."""
        complete = {shard for shard in self._tars if self._is_complete(shard)}
        if complete:
            self._bind(complete)

    def finish(self) -> None:
        """Write the files of all finished shards, also of those whose last clips an earlier run extracted."""
        shards = {line["shard"] for kept in self._kept for line in _waiting(kept)}
        mine = {shard for shard in shards if all(self._claims.take(unit) for unit in self._units(shard))}
        self._bind({shard for shard in mine if self._is_complete(shard)})
        for folder in self._folders.values():
            staging.tidy_staging(folder)

    def _is_complete(self, shard: str) -> bool:
        return shard in self._todo.whole_shards and not self._in_work[shard]

    def _bind(self, shards: set[str]) -> None:
        with _claimed(self._claims, "bind"):
            _recover(self._root, self._folders)
            lines = {one.feature.feature_type: _of_shards(one, shards) for one in self._kept}
            for shard in sorted(shards):
                self._bind_shard(shard, {name: found[shard] for name, found in lines.items()})
                if shard in self._tars:
                    tar = self._tars.pop(shard)
                    if shard not in self._failed:
                        mark_finished(self._root, shard, tar, self._kept)
                for unit in self._units(shard):
                    self._claims.release(unit)

    def _bind_shard(self, shard: str, lines: dict[str, list[Line]]) -> None:
        """Write the file of a shard. lines: the latest of all its clips, those bound before included."""
        with_features = {name: [line for line in found if line.get("outputs")] for name, found in lines.items()}
        typed = {name: (self._folders[name], found) for name, found in with_features.items()}
        described = {one.feature.feature_type: one.feature.described for one in self._kept}
        n_clips = len({line["id"] for found in lines.values() for line in found})
        bound = acav.merge_shards(self._root, shard, typed, described, self._keys, n_clips)
        waiting = [line for found in with_features.values() for line in found if _is_waiting(line)]
        names = {(line["feature_type"], line["id"]) for line in waiting}
        new = [line for found in bound.values() for line in found if (line["feature_type"], line["id"]) in names]
        _commit(self._root, self._folders, new, waiting)

    def _units(self, shard: str) -> list[str]:
        return [unit_of(one.feature.feature_type, shard) for one in self._kept]


@contextlib.contextmanager
def _claimed(claims: Claims, unit: str) -> Iterator[None]:
    """Wait until no other run binds here."""
    while not claims.take(unit):
        time.sleep(WAIT_S)
    try:
        yield
    finally:
        claims.release(unit)


def _waiting(kept: OutputState) -> list[Line]:
    """Return the latest lines whose outputs are parts."""
    kept.latest.refresh()
    return [line for line in kept.latest if _is_waiting(line)]


def _is_waiting(line: Line) -> bool:
    return any(map(staging.is_staged, line.get("outputs", [])))


def _of_shards(kept: OutputState, shards: set[str]) -> dict[str, list[Line]]:
    """Return the latest lines of all clips of these shards."""
    kept.latest.refresh()
    found: dict[str, list[Line]] = {shard: [] for shard in shards}
    for line in kept.latest:
        if line.get("shard") in found:
            found[line["shard"]].append(line)
    return found


def _commit(place: Folder, folders: dict[str, Folder], bound: list[Line], waiting: list[Line]) -> None:
    """Make bound files count: they are in place, the lines about them are not in the manifests yet."""
    if not bound:
        return
    parts = {(line["feature_type"], line["id"]): line["outputs"] for line in waiting}
    with place.whole(JOURNAL) as file:
        for line in bound:
            entry = {"line": line, "parts": parts[line["feature_type"], line["id"]]}
            file.write(json.dumps(entry).encode() + b"\n")
    _recover(place, folders)


def _recover(place: Folder, folders: dict[str, Folder]) -> None:
    """Do what the journal says, if there is one."""
    if place.size(JOURNAL) is None:
        return
    with place.open(JOURNAL) as file:
        entries = [json.loads(raw) for raw in file]
    for name, folder in folders.items():
        own = [entry for entry in entries if entry["line"]["feature_type"] == name]
        if own:
            Manifest(folder).append(*(entry["line"] for entry in own))
            staging.remove_staged(folder, ({"outputs": entry["parts"]} for entry in own))
    place.remove(JOURNAL)
