"""The main process of a run: hands out videos one by one, gathers results, replaces dead workers, stops when asked.

It knows nothing of how workers run: an `Engine` starts them and carries the messages.
"""

import collections
import signal
import time
from dataclasses import replace

from utils.config.words import counted
from utils.engines.ahead import Ahead
from utils.engines.base import Engine, Gone, WorkerId
from utils.engines.held import Held, Worker
from utils.engines.losses import Losses, Verdict
from utils.engines.supply import Supply
from utils.errors import Interrupted, RunError, UserError
from utils.run.json_progress import WorkerState
from utils.run.progress import RunProgress
from utils.run.results import Results
from utils.run.todo import Todo
from utils.sinks.manifest_line import ManifestLine
from utils.worker.messages import (
    Alive,
    Begun,
    Decoded,
    Ended,
    Fatal,
    Finished,
    Hung,
    Message,
    NextTask,
    Placed,
    Printed,
    Ready,
    Returned,
    Warned,
    WindowsDone,
)
from utils.worker.plan import Plan, Task

STARTS = 3  # workers that may die in a row before they are ready; for each device, on a cluster
TICK_S = 1.0  # how often the main process checks what no message reports
TAIL = 16  # videos per worker: when so few are left, slow nodes get no second one ahead
SLOW = 0.7  # of the average worker's pace
AHEAD_S = 8.0  # of work that a worker on a cluster has ahead, beside the videos that it has begun
MOST_AHEAD = 32
FROZEN_S = 120.0  # silence of a worker, which otherwise reports every few seconds, before it counts as frozen


class Dispatcher:
    """Hands out the videos of one run, and gathers what the workers report."""

    def __init__(self, plan: Plan, todo: Todo, results: Results, progress: RunProgress, engine: Engine) -> None:
        self._plan = plan
        self._todo = todo
        self._results = results
        self._progress = progress
        self._engine = engine
        self._supply = Supply(todo, results)
        self._on_cluster = plan.run.engine == "ray"
        self._losses = Losses(plan, progress)
        # A cluster's engine knows which node is to blame, and gives that no more workers.
        self._most_failed_starts = STARTS * len(plan.devices) if self._on_cluster else STARTS
        self._failed_starts = 0
        self._idle_devices: collections.deque[str] = collections.deque(plan.devices)
        self._workers: dict[WorkerId, Worker] = {}
        self._ahead = Ahead(engine.recall)
        self._pace = 0.0  # videos per second of the average worker
        self._stopping: int | None = None  # the signal that asked for it

    def anything_to_do(self) -> bool:
        """Look ahead for a video per device; return whether there is one, or another run is processing one."""
        self._supply.look_ahead(len(self._plan.devices))
        return not self._supply.is_over

    def run(self) -> None:
        """Work until every video is finished.

        Raises:
            FeatmillError: a worker cannot load its networks, or the machine fails.
            Interrupted: Ctrl-C or SIGTERM. The workers are ended, only whole files remain.
        """
        previous = {number: signal.signal(number, self._interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._engine.check(self._plan, self._supply.waiting)
            self._start_workers()
            tick_s = time.monotonic()
            while self._workers or not (self._supply.exhausted or self._stopping):
                for worker, message in self._engine.poll(TICK_S):
                    self._receive(worker, message)
                if time.monotonic() - tick_s >= TICK_S:
                    self._tick()
                    tick_s = time.monotonic()
            if self._stopping and not self._supply.is_over:
                raise Interrupted(self._stopping)
        finally:
            for number in previous:
                signal.signal(number, signal.SIG_IGN)  # one more Ctrl-C must not break the cleaning up
            self._engine.end()
            self._results.tidy()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _interrupt(self, signal_number: int, _frame: object) -> None:
        """Finish the videos in progress after a first Ctrl-C; stop at once after a second, or SIGTERM."""
        if signal_number == signal.SIGINT and self._stopping is None:
            self._stopping = signal_number
            return
        raise Interrupted(signal_number)

    def _start_workers(self) -> None:
        """Start a worker for each idle device that there is a video for."""
        self._supply.look_ahead(len(self._idle_devices))
        for _ in range(min(len(self._supply.waiting), len(self._idle_devices))):
            self._start(self._idle_devices.popleft())

    def _start(self, device: str) -> None:
        where = "" if self._on_cluster else device
        self._workers[self._engine.start(self._plan, device)] = Worker(device, where)

    def _tick(self) -> None:
        self._results.tick()
        self._progress.workers(WorkerState(one.where, one.ready, one.n_begun) for one in self._workers.values())
        self._pace = sum(one.per_s for one in self._workers.values()) / max(1, len(self._workers))
        if self._stopping:
            self._ahead.recall_all()
            held = sum(worker.n_begun for worker in self._workers.values())
            self._progress.say_once(
                f"stopping: {counted(held, 'video')} in progress will be finished first; Ctrl-C again stops at once"
            )
        for number, worker in list(self._workers.items()):
            worker.silent_s += TICK_S  # no more: what was sent during a long merge, or Ctrl-Z, is still to be heard
            if not worker.ready and self._nothing_left():
                worker.ended = True
                self._engine.kill(number)
            elif worker.ready and worker.silent_s > max(FROZEN_S, self._plan.run.video_timeout):
                self._engine.kill(number)
            elif worker.n_ahead and self._lags(worker):
                self._ahead.recall(number)
            elif worker.asking:
                self._answer(number)
        if self._todo.n_waiting and not self._supply.waiting:
            self._progress.say_once(
                "other runs on this output folder are processing the videos that are left: waiting until they are "
                "done, or can be taken over; Ctrl-C leaves them to those runs"
            )
        if not self._workers and not self._stopping:
            self._start_workers()

    def _nothing_left(self) -> bool:
        """Return whether a worker that gets ready now would have nothing to do."""
        return bool(self._stopping) or self._supply.is_over

    def _receive(self, number: WorkerId, message: Message | Gone) -> None:
        worker = self._workers[number]
        worker.silent_s = 0.0
        match message:
            case NextTask(per_s):
                worker.asking, worker.busy_per_s = True, per_s
                self._answer(number)
            case Begun(video_id):
                self._begun(number, video_id)
            case Returned(video_ids):
                self._returned(number, video_ids)
            case Placed(where):
                worker.where = where
            case Ready():
                worker.ready_s = time.monotonic()
                self._failed_starts = 0
            case WindowsDone(n):
                self._progress.windows(n)
            case Printed(text):
                self._progress.show(text)
            case Warned(text):
                self._progress.warn(text)
            case Finished(line):
                self._finished(number, line)
            case Hung(video_id):
                worker.hung = video_id
                self._engine.kill(number)
            case Ended():
                worker.ended = True
            case Fatal(exit_code, text):
                raise (UserError if exit_code == UserError.exit_code else RunError)(text)
            case Gone():
                self._gone(number, message)
            case Decoded(videos):
                self._progress.decoded({name: videos[name] for name in videos.keys() & worker.held.keys()})
            case Alive():
                pass

    def _answer(self, number: WorkerId) -> None:
        """Give the asking worker its next videos, or none if there is no more, or let it wait."""
        worker = self._workers[number]
        if worker.alone:
            return
        tasks: list[Task] = []
        if self._supply.retries and not worker.held and not self._stopping:
            tasks.append(self._supply.retries.popleft())
            worker.alone = True
        elif not self._stopping:
            if worker.held and self._lags(worker):
                return  # a faster one takes it, lest this one keep the run waiting for more than one video
            tasks = self._supply.take(1 + self._n_ahead(worker))
            if not tasks and (self._ahead.recall_all(number) or self._supply.retries or not self._supply.exhausted):
                return  # it may have what others give back, a retry once it holds nothing, what another run leaves
        for task in tasks:
            worker.held[task.ref.id] = self._supply.held(task, begun=not self._on_cluster)
        self._ahead.count(number, worker, len(tasks) if self._on_cluster else 0)
        worker.asking = False
        self._engine.send(number, tasks)

    def _n_ahead(self, worker: Worker) -> int:
        """Return how many videos a worker gets ahead: where videos are short, asking for each would cost too much."""
        if not self._on_cluster or self._lags(worker):
            return 0
        n = min(MOST_AHEAD, int(worker.busy_per_s * AHEAD_S))
        if self._supply.list_is_dry:  # leave as many to others, lest they have to be given back at once
            n = min(n, len(self._supply.waiting) // (2 * len(self._workers)))
        return max(0, n - worker.n_ahead)

    def _returned(self, number: WorkerId, video_ids: tuple[str, ...]) -> None:
        """A worker gives back videos: others get them."""
        worker = self._workers[number]
        for video_id in reversed(video_ids):
            self._supply.hand_back(worker.held.pop(video_id))
        self._ahead.answered(number, worker, len(video_ids))
        for asking in [other for other, one in self._workers.items() if one.asking]:
            if not self._supply.waiting and self._ahead.any_but():
                return  # the others wait for what is still to be given back
            self._answer(asking)

    def _lags(self, worker: Worker) -> bool:
        """Return whether few videos are left and a worker is slow, as nodes of a cluster may be."""
        slow = self._on_cluster and worker.per_s < SLOW * self._pace
        return slow and not self._supply.look_ahead(TAIL * len(self._workers))

    def _begun(self, number: WorkerId, video_id: str) -> None:
        held = self._workers[number].held[video_id]
        self._ahead.count(number, self._workers[number], -(not held.begun))
        held.begun = True

    def _finished(self, number: WorkerId, line: ManifestLine) -> None:
        worker = self._workers[number]
        held = worker.held[line.id]
        self._take(held, line)
        if not held.left:
            del worker.held[line.id]
            worker.n_finished += 1
        if not worker.held:
            worker.alone = False
        if worker.asking:
            self._answer(number)

    def _take(self, held: Held, line: ManifestLine) -> None:
        self._results.take(line, held.task.ref)
        held.left.remove(line.stamp.feature_type)
        held.statuses.append(line.status)
        if not held.left:
            self._progress.finished_on(line.device)
            self._results.video(held.task, held.statuses)

    def _gone(self, number: WorkerId, gone: Gone) -> None:
        """A worker's process is gone: it ended, or died with videos in progress."""
        worker, cause = self._workers.pop(number), gone.cause
        self._ahead.gone(number)
        if worker.ended and not worker.held:
            return
        place = worker.where or worker.device
        self._results.tidy()
        if not worker.ready:
            self._failed_starts += 1
            self._progress.warn(f"a worker on {place} {cause}, before it was ready")
            if self._failed_starts >= self._most_failed_starts:
                raise RunError(f"workers on {place} die while they start ({cause}); see the lines above")
        for held in worker.held.values():
            self._lost(worker, held, gone)
        if not self._stopping:
            self._start(worker.device)

    def _lost(self, worker: Worker, held: Held, gone: Gone) -> None:
        """A worker died while it had this video: retry it, alone if it may be the cause."""
        for line in self._results.unreported(held.task.ref, held.left):
            self._take(held, line)
        if not held.left:
            return
        match self._losses.verdict(worker, held, gone):
            case Verdict("again"):
                self._supply.hand_back(held)
            case Verdict("alone"):
                self._supply.hand_back(held, alone=True)
            case Verdict(_, reason):
                self._results.give_up(replace(held.task, feature_types=tuple(held.left)), reason, held.statuses)
