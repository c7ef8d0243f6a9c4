"""What a run still has to do, decided video by video as workers ask: a list of a million starts at once."""

import itertools
import time
from collections import deque
from collections.abc import Iterator, Sequence, Set

from utils.config.array_job import part_of_list
from utils.config.run import RunConfig
from utils.config.shared_flags import shows_predictions
from utils.run.ahead import ahead
from utils.run.claim_batch import MOST_CLAIMED, ClaimBatch
from utils.run.done_list import DoneList
from utils.run.output_state import OutputState
from utils.run.same_video import Changes, told_apart
from utils.run.wanted import Wanted, claim_name, kept_apart, not_new, unit_of
from utils.sinks.formats import FORMATS
from utils.sinks.manifest_line import FINISHED, ManifestLine, Status
from utils.sources.ref import VideoRef
from utils.state.claims import Claims
from utils.state.resume import is_done
from utils.worker.plan import FeaturePlan, Task

LOOK_S = 1.0  # at what other runs have released, before workers are heard again


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
        part = _part((ref.at(position) for position, ref in enumerate(refs)), run.shard)
        self._looked_at = ahead(self._look_at, part, max((state.folder.at_once for state in states), default=1))
        self._held_elsewhere: deque[Wanted] = deque()
        self._ready: deque[Task] = deque()  # claimed, and not handed out
        self._batch = ClaimBatch()
        self._finished: list[str] = []  # what is claimed and may be released
        self._n_handed_out = 0
        self._newest_shard = ""
        self.changes = Changes()
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
        if not self._ready:
            self._look_further()
        if not self._ready:
            self._came_to("")
            self._take_over()
        self._n_handed_out += bool(self._ready)
        return self._ready.popleft() if self._ready else None

    def _look_further(self) -> None:
        """Look at the next videos of the list until some are ready."""
        claims = self._claims
        if claims is None or self._by_shard:  # a shard's videos share a claim, and the merger counts them as they come
            self._ready.extend(itertools.islice(filter(None, map(self._task, self._looked_at)), 1))
            return
        n = self._batch.next_size()
        if self._run.most_videos is not None:
            n = min(n, self._run.most_videos - self._n_handed_out)
        while not self._ready:
            wanted = list(itertools.islice(filter(None, map(self._wanted, self._looked_at)), n))
            if not wanted:
                return
            self._ready.extend(self._claimed(claims, wanted))

    def _came_to(self, shard: str) -> None:
        """Note that the list has reached a video of this shard, or its end."""
        if shard != self._newest_shard:
            self.whole_shards.add(self._newest_shard)
            self._newest_shard = shard

    def _task(self, found: Wanted) -> Task | None:
        """Return what is to be done of a video, None if nothing is, or not by this run for now."""
        ref = found.ref
        if not self._states:
            self._came_to(ref.shard)
            if self._is_listed(ref):
                self.n_before += 1
                return None
            types = [feature.feature_type for feature in self._features if ref.part(feature.wants_audio) is not None]
            return Task(ref, tuple(types))
        wanted = self._wanted(found)
        if wanted is None:
            return None
        if self._claims is None:
            return Task(ref, tuple(state.feature_type for state in wanted.states))
        return next(self._claimed(self._claims, [wanted]), None)

    def _is_listed(self, ref: VideoRef) -> bool:
        """Return whether --check_progress names a video."""
        return self._done_list is not None and ref in self._done_list

    def _look_at(self, ref: VideoRef) -> Wanted:
        """Return a video and what it lacks; nothing where --check_progress names it. Threads may do this."""
        if self._is_listed(ref):
            return Wanted(ref, [])
        lines = [(state, state.latest.get(ref.id)) for state in self._states if state.part(ref)]
        own = ref if self._run.overwrite else told_apart(ref, ((state.part(ref), line) for state, line in lines))
        if own is not ref:
            lines = [(state, state.latest.get(own.id)) for state, _ in lines]
        return Wanted(own, [state for state, line in lines if not self._is_done(state, own, line)])

    def _wanted(self, found: Wanted) -> Wanted | None:
        """Return the work on a video: on all of it where rows are aligned, None if nothing is missing."""
        ref, missing = found
        self._came_to(ref.shard)
        if not missing:
            self.n_before += 1
            if self._claims is not None and not self._is_listed(ref):
                self.completed(ref, ())  # a run that was killed has not listed it
            return None
        together = self._run.align is not None
        return Wanted(ref, [state for state in self._states if state.part(ref)] if together else missing)

    def _is_done(self, state: OutputState, ref: VideoRef, line: ManifestLine | None) -> bool:
        if state.latest.is_new(ref.id):  # another run has tried it since this one started, with whatever result
            return True
        if self._run.overwrite:
            return False
        settings, with_classes = state.feature.stamp.settings_hash, shows_predictions(state.feature.config)
        return is_done(line, state.part(ref) or ref, state.reader, settings, self._run.on_extraction, with_classes)

    def _claimed(self, claims: Claims, wanted: Sequence[Wanted]) -> Iterator[Task]:
        """Yield the part of the work that this run could claim, of each video of which it could claim any."""
        self.release_finished()  # lest what is taken now is released afterwards
        mine = [(state, one.ref) for one in wanted for state in one.states]
        units = [self._unit(state.feature_type, ref) for state, ref in mine]
        names = {} if self._by_shard else dict(zip(units, itertools.starmap(claim_name, mine), strict=True))
        taken = claims.take_all(units, names)
        for state in {id(state): state for one in wanted for state in one.states}.values() if taken else ():
            state.latest.refresh()  # whoever held them before may have finished them since
        for one in wanted:
            if (apart := not_new(one)).ref is not one.ref:  # another run has just done a video of the same id
                self._leave(one)
                self._held_elsewhere.append(apart)
                continue
            task = self._together(one, taken) if self._run.align is not None else self._parts(one, taken)
            if task is not None:
                yield task

    def _parts(self, wanted: Wanted, taken: Set[str]) -> Task | None:
        """Return the work on the feature types whose claims were taken, None if there are none."""
        ref, mine, theirs = wanted.ref, list[OutputState](), list[OutputState]()
        for state in wanted.states:
            if self._unit(state.feature_type, ref) not in taken:
                theirs.append(state)
            elif state.latest.is_new(ref.id):
                self.finished(state.feature_type, ref)
            else:
                mine.append(state)
        if theirs:
            self._held_elsewhere.append(Wanted(ref, theirs))
        elif not mine:
            self.n_elsewhere += 1
        return self._work_on(ref, mine) if mine else None

    def _together(self, wanted: Wanted, taken: Set[str]) -> Task | None:
        """Return the work on all feature types of a video, None if another run has any of it."""
        ref, states = wanted.ref, wanted.states
        if not all(self._unit(state.feature_type, ref) in taken for state in states):
            self._held_elsewhere.append(wanted)
        elif not all(state.latest.is_new(ref.id) for state in states):
            return self._work_on(ref, states)
        else:
            self.n_elsewhere += 1
        self._leave(wanted)
        return None

    def _leave(self, wanted: Wanted) -> None:
        """Leave a video to other runs."""
        for state in wanted.states:
            self.finished(state.feature_type, wanted.ref)
        self.release_finished()  # at once: another run may wait for a part

    def _work_on(self, ref: VideoRef, states: Sequence[OutputState]) -> Task:
        """Return the work on feature types that were claimed."""
        lines = {state.feature_type: state.latest.get(ref.id) for state in states}
        revisions = {name: line.revision + 1 if line else 1 for name, line in lines.items()}
        if not self._run.overwrite:
            ref = kept_apart(ref, states)
            if ref.refused is None:
                self.changes.note((state.part(ref), lines[state.feature_type]) for state in states)
        return Task(ref, tuple(lines), revisions)

    def _take_over(self) -> None:
        """Take what other runs have released, or finished; some of it where there is much.

        Raises:
            NothingYet: there is nothing of that kind for now.
        """
        if self._claims is None or not self._held_elsewhere:
            return
        for state in self._states:
            state.latest.refresh()
        end_s, n_left = time.monotonic() + LOOK_S, len(self._held_elsewhere)
        while n_left and not self._ready and time.monotonic() < end_s:
            some = [self._held_elsewhere.popleft() for _ in range(min(n_left, self._batch.size))]
            n_left -= len(some)
            new = [one for one in map(not_new, some) if one.states]
            self.n_elsewhere += len(some) - len(new)
            self._ready.extend(self._claimed(self._claims, new))
        if self._held_elsewhere and not self._ready:
            raise NothingYet

    def finished(self, feature_type: str, ref: VideoRef) -> None:
        """Note that the line of a video and feature type is in the manifest: its claim is released soon."""
        if self._claims is not None and not self._by_shard:  # a shard is held until its file is written
            self._finished.append(self._unit(feature_type, ref))
            if len(self._finished) >= MOST_CLAIMED:
                self.release_finished()

    def release_finished(self) -> None:
        """Release what is finished: all at once, since each request to an address takes a while."""
        if self._claims is not None:
            finished, self._finished = self._finished, []
            self._claims.release(*finished)

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

    def _unit(self, feature_type: str, ref: VideoRef) -> str:
        """Return what is claimed: one video, or where a shard's videos go into one file, the shard."""
        return unit_of(feature_type, ref.shard if self._by_shard else ref.id)


def _part(refs: Iterator[VideoRef], shard: str | None) -> Iterator[VideoRef]:
    """Return the videos of part i of n: whole shards of tars, single videos otherwise."""
    if shard is None:
        return refs
    part, n_parts = part_of_list(shard)
    units = itertools.groupby(enumerate(refs), lambda item: item[1].shard or item[0])
    return (ref for number, (_, members) in enumerate(units) if number % n_parts == part for _, ref in members)


def n_in_part(n_videos: int | None, shard: str | None) -> int | None:
    """Return how many of a list's single videos part i of n has; None where they are not counted."""
    if n_videos is None or shard is None:
        return n_videos
    part, n_parts = part_of_list(shard)
    return len(range(part, n_videos, n_parts))
