"""What a run still has to do, decided video by video as workers ask: a list of a million starts at once."""

import itertools
from collections import deque
from collections.abc import Iterator, Sequence

from utils.config.array_job import part_of_list
from utils.config.run import RunConfig
from utils.run.done_list import DoneList
from utils.run.output_state import OutputState
from utils.sinks.formats import FORMATS
from utils.sinks.manifest_line import FINISHED, Status
from utils.sources.ref import VideoRef
from utils.state.claims import Claims
from utils.state.resume import is_done
from utils.worker.plan import FeaturePlan, Task


class NothingYet(Exception):  # noqa: N818 - not an error: other runs are processing what is left
    """Nothing can be handed out now, but perhaps later: a run that is processing the rest may die."""


class Todo:
    """Hands out tasks one by one.

    refs: all videos of the run, in order.
    states: one per feature type; empty where nothing is written, so that everything is to be done.
    claims: None where nothing is written, or is only to be counted.
    whole_shards: the shards of tars whose every video has been looked at.
    n_before: videos found done, in this folder or by --check_progress. n_elsewhere: those that other runs finished
    meanwhile.
    """

    def __init__(
        self,
        refs: Iterator[VideoRef],
        run: RunConfig,
        features: Sequence[FeaturePlan],
        states: Sequence[OutputState],
        claims: Claims | None,
        done_list: DoneList | None,
    ) -> None:
        self._run = run
        self._by_shard = FORMATS[run.on_extraction].by_shard
        self._features = features
        self._states = states
        self._claims = claims
        self._done_list = done_list
        self._refs = _part(refs, run.shard)
        self._held_elsewhere: deque[tuple[VideoRef, list[OutputState]]] = deque()
        self._n_handed_out = 0
        self._newest_shard = ""
        self.whole_shards: set[str] = set()
        self.n_before = 0
        self.n_elsewhere = 0

    @property
    def n_waiting(self) -> int:
        """Return how many videos other runs are processing."""
        return len(self._held_elsewhere)

    def next(self) -> Task | None:
        """Return the next video to do, None if there is no more.

        Raises:
            NothingYet: other runs are processing the videos that are left.
        """
        if self._run.most_videos is not None and self._n_handed_out >= self._run.most_videos:
            return None
        task = next(filter(None, map(self._task, self._refs)), None)
        if task is None:
            self._came_to("")
            task = self._taken_over()
        self._n_handed_out += task is not None
        return task

    def _came_to(self, shard: str) -> None:
        """Note that the list has reached a video of this shard, or its end."""
        if shard != self._newest_shard:
            self.whole_shards.add(self._newest_shard)
            self._newest_shard = shard

    def _task(self, ref: VideoRef) -> Task | None:
        """Return what is to be done of a video, None if nothing is, or not by this run for now."""
        self._came_to(ref.shard)
        if self._done_list is not None and ref in self._done_list:
            self.n_before += 1
            return None
        if not self._states:
            types = [feature.feature_type for feature in self._features if ref.part(feature.wants_audio) is not None]
            return Task(ref, tuple(types))
        missing = [state for state in self._states if (part := state.part(ref)) and not self._is_done(state, part)]
        if not missing:
            self.n_before += 1
            if self._claims is not None:
                self.completed(ref, ())  # a run that was killed has not listed it
            return None
        if self._claims is None:
            together = self._run.align is not None
            wanted = [state for state in self._states if state.part(ref)] if together else missing
            return Task(ref, tuple(state.feature_type for state in wanted))
        return self._claimed(self._claims, ref, missing)

    def _is_done(self, state: OutputState, ref: VideoRef) -> bool:
        if state.latest.is_new(ref.id):  # another run has tried it since this one started, with whatever result
            return True
        if self._run.overwrite:
            return False
        settings, shows_classes = (
            state.feature.stamp.settings_hash,
            bool(getattr(state.feature.config, "show_pred", False)),
        )
        line = state.latest.get(ref.id)
        return is_done(line, ref, state.reader, settings, self._run.on_extraction, shows_classes)

    def _claimed(self, claims: Claims, ref: VideoRef, missing: list[OutputState]) -> Task | None:
        """Return the part of the work that this run could claim; types whose rows are aligned only together."""
        if self._run.align is not None:
            return self._claimed_together(claims, ref, [state for state in self._states if state.part(ref)])
        mine: dict[str, int] = {}
        theirs: list[OutputState] = []
        for state in missing:
            if not claims.take(self._unit(state.feature_type, ref)):
                theirs.append(state)
                continue
            state.latest.refresh()  # whoever held it before may have finished it since
            if state.latest.is_new(ref.id):
                self._release(claims, state.feature_type, ref)
            else:
                line = state.latest.get(ref.id)
                mine[state.feature_type] = 1 if line is None else line.revision + 1
        if theirs:
            self._held_elsewhere.append((ref, theirs))
        elif not mine:
            self.n_elsewhere += 1
        return Task(ref, tuple(mine), mine) if mine else None

    def _claimed_together(self, claims: Claims, ref: VideoRef, states: list[OutputState]) -> Task | None:
        """Return the work on all these feature types, None if another run has any of it."""
        if not all(claims.take(self._unit(state.feature_type, ref)) for state in states):
            self._held_elsewhere.append((ref, states))
        else:
            for state in states:
                state.latest.refresh()
            if not all(state.latest.is_new(ref.id) for state in states):
                lines = {state.feature_type: state.latest.get(ref.id) for state in states}
                return Task(ref, tuple(lines), {name: line.revision + 1 if line else 1 for name, line in lines.items()})
            self.n_elsewhere += 1
        for state in states:
            self._release(claims, state.feature_type, ref)
        return None

    def _taken_over(self) -> Task | None:
        """Return a task whose claim another run has released."""
        if self._claims is None or not self._held_elsewhere:
            return None
        for state in self._states:
            state.latest.refresh()
        for _ in range(len(self._held_elsewhere)):
            ref, theirs = self._held_elsewhere.popleft()
            left = [state for state in theirs if not state.latest.is_new(ref.id)]
            if not left:
                self.n_elsewhere += 1
            elif task := self._claimed(self._claims, ref, left):
                return task
        if self._held_elsewhere:
            raise NothingYet
        return None

    def finished(self, feature_type: str, ref: VideoRef) -> None:
        """Note that the line of a video and feature type is in the manifest."""
        if self._claims is not None:
            self._release(self._claims, feature_type, ref)

    def completed(self, ref: VideoRef, statuses: Sequence[Status]) -> None:
        """Note that all that this run does of a video is in the manifest; list it if every feature type is done.

        statuses: of the feature types that this run did.
        """
        if self._done_list is None or "failed" in statuses:
            return
        for state in self._states:
            if state.part(ref) is None:
                continue
            state.latest.refresh()
            line = state.latest.get(ref.id)
            if line is None or line.status not in FINISHED:
                return
        self._done_list.add(ref.id)

    def _release(self, claims: Claims, feature_type: str, ref: VideoRef) -> None:
        if not self._by_shard:  # a shard is held until its file is written
            claims.release(self._unit(feature_type, ref))

    def _unit(self, feature_type: str, ref: VideoRef) -> str:
        """Return what is claimed: one video, or where a shard's videos go into one file, the shard."""
        return unit_of(feature_type, ref.shard if self._by_shard else ref.id)


def unit_of(feature_type: str, name: str) -> str:
    """Return what a run claims to work on a video, or a shard, for a feature type."""
    return f"{feature_type}:{name}"


def _part(refs: Iterator[VideoRef], shard: str | None) -> Iterator[VideoRef]:
    """Return the videos of part i of n: whole shards of tars, single videos otherwise."""
    if shard is None:
        return refs
    part, n_parts = part_of_list(shard)
    units = itertools.groupby(enumerate(refs), lambda item: item[1].shard or item[0])
    return (ref for number, (_, members) in enumerate(units) if number % n_parts == part for _, ref in members)
