"""The main process of a run: hands out videos one by one, gathers results, replaces dead workers, stops when asked.

It knows nothing of how workers run: an `Engine` starts them and carries the messages.
"""

import collections
import signal
import time
from dataclasses import replace

from utils.engines.base import Engine, Gone, WorkerId
from utils.engines.held import Held, Worker
from utils.errors import FeatmillError, Interrupted, RunError, UserError
from utils.run.json_progress import WorkerState
from utils.run.progress import RunProgress
from utils.run.results import Results
from utils.run.todo import NothingYet, Todo
from utils.sinks.manifest_line import ManifestLine, Status
from utils.worker.messages import (
    Alive,
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
    Warned,
    WindowsDone,
)
from utils.worker.plan import Plan, Task

STARTS = 3  # workers that may die in a row before they are ready; for each device, on a cluster
TICK_S = 1.0  # how often the main process checks what no message reports
TAIL = 16  # videos per worker: when so few are left, slow nodes get no second one ahead
SLOW = 0.7  # of the average worker's pace
LOST_NODES = 10  # that a video may be on before it counts as the cause, as it may be if it takes too much memory
FROZEN_S = 120.0  # silence of a worker, which otherwise reports every few seconds, before it counts as frozen


class Dispatcher:
    """Hands out the videos of one run, and gathers what the workers report."""

    def __init__(self, plan: Plan, todo: Todo, results: Results, progress: RunProgress, engine: Engine) -> None:
        self._plan = plan
        self._todo = todo
        self._results = results
        self._progress = progress
        self._engine = engine
        self._waiting: collections.deque[Task] = collections.deque()  # taken from the list, or back from a dead worker
        self._retries: collections.deque[Task] = collections.deque()
        self._deaths: collections.Counter[str] = collections.Counter()
        self._lost_nodes: collections.Counter[str] = collections.Counter()  # by video
        self._earlier: dict[str, list[Status]] = {}  # of feature types that a video gave before its worker died
        # A cluster's engine knows which node is to blame, and gives that no more workers.
        self._most_failed_starts = STARTS * len(plan.devices) if plan.run.engine == "ray" else STARTS
        self._failed_starts = 0
        self._idle_devices: collections.deque[str] = collections.deque(plan.devices)
        self._workers: dict[WorkerId, Worker] = {}
        self._pace = 0.0  # videos per second of the average worker
        self._exhausted = False  # the list holds nothing more
        self._stopping: int | None = None  # the signal that asked for it

    def anything_to_do(self) -> bool:
        """Look ahead for a video per device; return whether there is one, or another run is processing one."""
        self._look_ahead(len(self._plan.devices))
        return bool(self._waiting) or not self._exhausted

    def _look_ahead(self, n: int) -> None:
        while len(self._waiting) < n and (task := self._from_list()) is not None:
            self._waiting.append(task)

    def run(self) -> None:
        """Work until every video is finished.

        Raises:
            FeatmillError: a worker cannot load its networks, or the machine fails.
            Interrupted: Ctrl-C or SIGTERM. The workers are ended, only whole files remain.
        """
        previous = {number: signal.signal(number, self._interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._engine.check(self._plan, self._waiting)
            self._start_workers()
            tick_s = time.monotonic()
            while self._workers or not (self._exhausted or self._stopping):
                for worker, message in self._engine.poll(TICK_S):
                    self._receive(worker, message)
                if time.monotonic() - tick_s >= TICK_S:
                    self._tick()
                    tick_s = time.monotonic()
            if self._stopping and not (self._exhausted and not self._waiting and not self._retries):
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
        self._look_ahead(len(self._idle_devices))
        for _ in range(min(len(self._waiting), len(self._idle_devices))):
            self._start(self._idle_devices.popleft())

    def _start(self, device: str) -> None:
        where = "" if self._plan.run.engine == "ray" else device
        self._workers[self._engine.start(self._plan, device)] = Worker(device, where)

    def _tick(self) -> None:
        self._results.tick()
        self._progress.workers(WorkerState(one.where, one.ready, len(one.held)) for one in self._workers.values())
        self._pace = sum(one.per_s for one in self._workers.values()) / max(1, len(self._workers))
        if self._stopping:
            held = sum(len(worker.held) for worker in self._workers.values())
            self._progress.say_once(
                f"stopping: {held} videos in progress are finished first; Ctrl-C again stops at once"
            )
        for number, worker in list(self._workers.items()):
            if not worker.ready and self._nothing_left():
                worker.ended = True
                self._engine.kill(number)
            elif worker.ready and time.monotonic() - worker.heard_s > max(FROZEN_S, self._plan.run.video_timeout):
                self._engine.kill(number)
            elif worker.asking:
                self._answer(number)
        if self._todo.n_waiting and not self._waiting:
            self._progress.say_once(
                "other runs on this output folder are processing the videos that are left: waiting until they are "
                "done, or can be taken over; Ctrl-C leaves them to those runs"
            )
        if not self._workers and not self._stopping:
            self._start_workers()

    def _nothing_left(self) -> bool:
        """Return whether a worker that gets ready now would have nothing to do."""
        return bool(self._stopping) or (self._exhausted and not self._waiting and not self._retries)

    def _receive(self, number: WorkerId, message: Message | Gone) -> None:
        worker = self._workers[number]
        worker.heard_s = time.monotonic()
        match message:
            case NextTask():
                worker.asking = True
                self._answer(number)
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
                raise _error(exit_code, text)
            case Gone():
                self._gone(number, message)
            case Decoded(videos):
                self._progress.decoded({name: videos[name] for name in videos.keys() & worker.held.keys()})
            case Alive():
                pass

    def _answer(self, number: WorkerId) -> None:
        """Give the asking worker its next video, or None if there is no more, or let it wait."""
        worker = self._workers[number]
        if worker.alone:
            return
        task = None
        if self._retries and not worker.held and not self._stopping:
            task = self._retries.popleft()
            worker.alone = True
        elif not self._stopping:
            if worker.held and worker.per_s < SLOW * self._pace and self._is_tail():
                return  # a faster one takes it, lest this one keep the run waiting for more than one video
            task = self._waiting.popleft() if self._waiting else self._from_list()
            if task is None and (self._retries or not self._exhausted):
                return  # it may have a retry once it holds nothing else, or what another run leaves
        if task is not None:
            earlier = self._earlier.pop(task.ref.id, [])
            worker.held[task.ref.id] = Held(task, list(task.feature_types), earlier)
        worker.asking = False
        self._engine.send(number, task)

    def _is_tail(self) -> bool:
        """Return whether few videos are left, for workers on nodes that may differ in speed."""
        if self._plan.run.engine == "local":
            return False
        self._look_ahead(TAIL * len(self._workers))
        return len(self._waiting) < TAIL * len(self._workers)

    def _from_list(self) -> Task | None:
        """Return the next video of the list; None if there is none, or none now."""
        try:
            while (task := self._todo.next()) is not None:
                if task.ref.refused is None or task.ref.audio is not None:  # the worker records what each part lacks
                    self._results.handed_out(task)
                    return task
                self._results.refused(task, *task.ref.refused)
        except NothingYet:
            return None
        self._exhausted = True
        return None

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
        if worker.ended:
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
        """A worker died while it processed this video: retry it, alone if it may be the cause."""
        cause = gone.cause
        for line in self._results.unreported(held.task.ref, held.left):
            self._take(held, line)
        if not held.left:
            return
        ref = held.task.ref
        task = replace(held.task, feature_types=tuple(held.left))
        if held.statuses:
            self._earlier[ref.id] = held.statuses
        self._lost_nodes[ref.id] += gone.node_lost
        if gone.node_lost and self._lost_nodes[ref.id] <= LOST_NODES:
            self._progress.say_once(f"the worker on {worker.where} {cause}; its videos are tried elsewhere")
            self._waiting.appendleft(task)
            return
        if worker.hung is not None and worker.hung != ref.id:
            self._waiting.appendleft(task)
            return
        if worker.hung is not None:
            timeout_s = self._plan.run.video_timeout
            cause = f"was ended, as the decoder gave nothing for {timeout_s:g} s (--video_timeout),"
        self._deaths[ref.id] += 1
        if self._deaths[ref.id] <= self._plan.run.max_retries:
            self._progress.warn(f"{ref.label}: the worker on {worker.where} {cause}; trying this video alone")
            self._retries.append(task)
        else:
            reason = f"{ref.label}: the worker {cause} {self._deaths[ref.id]} times while it held this video"
            self._results.give_up(task, reason, held.statuses)


def _error(exit_code: int, message: str) -> FeatmillError:
    return (UserError if exit_code == UserError.exit_code else RunError)(message)
