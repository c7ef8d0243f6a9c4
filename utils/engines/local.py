"""The main process of a run: one worker per device, videos handed out one by one, dead workers replaced."""

import collections
import contextlib
import signal
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from utils.engines.spawn import WorkerStarter
from utils.errors import FeatmillError, Interrupted, RunError, UserError
from utils.run.progress import RunProgress
from utils.run.results import Results
from utils.run.todo import NothingYet, Todo
from utils.worker.plan import Plan, Task

STARTS = 3  # workers that may die in a row before they are ready
GRACE_S = 5.0  # between asking a worker to end and killing it
TICK_S = 1.0  # how often the main process looks at what no event tells
FROZEN_S = 120.0  # silence of a worker, which otherwise shows life every few seconds, before it is taken for frozen


@dataclass
class _Held:
    """A video in the hands of a worker, and the feature types that it has not reported yet."""

    task: Task
    left: list[str]
    statuses: list[str] = field(default_factory=list)


@dataclass(eq=False)
class _Worker:
    device: str
    process: BaseProcess
    connection: Connection
    held: dict[str, _Held] = field(default_factory=dict)
    heard_s: float = field(default_factory=time.monotonic)
    hung: str | None = None  # the video that its decoder hangs in
    ready: bool = False
    asking: bool = False  # waits for a video that it cannot have yet
    alone: bool = False  # holds one video that a worker died with, and gets no other meanwhile
    ended: bool = False  # said goodbye


class Runner:
    """Hands out videos and gathers what the workers report."""

    def __init__(self, plan: Plan, todo: Todo, results: Results, progress: RunProgress, starter: WorkerStarter) -> None:
        self._plan = plan
        self._todo = todo
        self._results = results
        self._progress = progress
        self._fresh: collections.deque[Task] = collections.deque()  # taken from the list, or back from a dead worker
        self._retries: collections.deque[Task] = collections.deque()
        self._deaths: collections.Counter[str] = collections.Counter()
        self._statuses: dict[str, list[str]] = {}  # of feature types that a video gave before its worker died
        self._failed_starts = 0
        self._idle_devices: collections.deque[str] = collections.deque()
        self._workers: dict[Connection, _Worker] = {}
        self._starter = starter
        self._exhausted = False  # the list holds nothing more
        self._stopping: int | None = None  # the signal that asked for it

    def anything_to_do(self, at_least: int) -> bool:
        """Look up to `at_least` videos ahead in the list; return whether any is to be done, or held by another run."""
        while len(self._fresh) < at_least and (task := self._from_list()) is not None:
            self._fresh.append(task)
        return bool(self._fresh) or not self._exhausted

    def run(self, devices: list[str]) -> None:
        """Work until every video is finished.

        Raises:
            FeatmillError: a worker cannot load its networks, or the machine fails.
            Interrupted: Ctrl-C or SIGTERM. The workers are ended, only whole files remain.
        """
        previous = {number: signal.signal(number, self._interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._idle_devices.extend(devices)
            self._start_workers()
            tick_s = time.monotonic()
            while self._workers or not (self._exhausted or self._stopping):
                for connection in wait(list(self._workers), TICK_S):
                    self._receive(self._workers[connection])
                if time.monotonic() - tick_s >= TICK_S:
                    self._tick()
                    tick_s = time.monotonic()
            if self._stopping and not (self._exhausted and not self._fresh and not self._retries):
                raise Interrupted(self._stopping)
        finally:
            for number in previous:
                signal.signal(number, signal.SIG_IGN)  # one more Ctrl-C must not break the cleaning up
            self._end_workers()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _interrupt(self, signal_number: int, _frame: object) -> None:
        """Finish the videos in hand after a first Ctrl-C; stop at once after a second, or SIGTERM."""
        if signal_number == signal.SIGINT and self._stopping is None:
            self._stopping = signal_number
            return
        raise Interrupted(signal_number)

    def _start_workers(self) -> None:
        """Start a worker for each idle device that there is a video for."""
        self.anything_to_do(len(self._idle_devices))
        for _ in range(min(len(self._fresh), len(self._idle_devices))):
            self._start(self._idle_devices.popleft())

    def _start(self, device: str) -> None:
        begun = self._starter.take()
        with contextlib.suppress(OSError):  # it died meanwhile, which its end of the pipe will say
            begun.connection.send((self._plan, device))
        self._workers[begun.connection] = _Worker(device, begun.process, begun.connection)

    def _tick(self) -> None:
        self._results.tick()
        if self._stopping:
            held = sum(len(worker.held) for worker in self._workers.values())
            self._progress.say_once(f"stopping: {held} videos in hand are finished first; Ctrl-C again stops at once")
        for worker in list(self._workers.values()):
            if worker.ready and time.monotonic() - worker.heard_s > max(FROZEN_S, self._plan.run.video_timeout):
                worker.process.kill()
            elif worker.asking:
                self._answer(worker)
        if self._todo.n_waiting and not self._fresh:
            self._progress.say_once(
                "the videos left are in the hands of other runs on this output folder: waiting to see them done, or to "
                "take them over; Ctrl-C leaves them to those runs"
            )
        if not self._workers and not self._stopping:
            self._start_workers()

    def _receive(self, worker: _Worker) -> None:
        try:
            kind, *content = worker.connection.recv()
        except (EOFError, OSError):
            self._gone(worker)
            return
        worker.heard_s = time.monotonic()
        match kind:
            case "next":
                worker.asking = True
                self._answer(worker)
            case "ready":
                worker.ready = True
                self._failed_starts = 0
            case "windows":
                self._progress.windows(content[0])
            case "text":
                self._progress.show(content[0])
            case "warn":
                self._progress.warn(content[0])
            case "finished":
                self._finished(worker, content[0])
            case "hung":
                worker.hung = content[0]
                worker.process.kill()
            case "bye":
                worker.ended = True
            case "fatal":
                raise _error(*content)

    def _answer(self, worker: _Worker) -> None:
        """Give the asking worker its next video, or None if there is no more, or let it wait."""
        if worker.alone:
            return
        task = None
        if self._retries and not worker.held and not self._stopping:
            task = self._retries.popleft()
            worker.alone = True
        elif not self._stopping:
            task = self._next()
            if task is None and (self._retries or not self._exhausted):
                return  # it may have a retry once it holds nothing else, or what another run leaves
        if task is not None:
            earlier = self._statuses.pop(task.ref.id, [])
            worker.held[task.ref.id] = _Held(task, list(task.feature_types), earlier)
        worker.asking = False
        with contextlib.suppress(OSError):  # it died meanwhile, which its end of the pipe will say
            worker.connection.send(task)

    def _next(self) -> Task | None:
        return self._fresh.popleft() if self._fresh else self._from_list()

    def _from_list(self) -> Task | None:
        """Return the next video of the list; None if there is none, or none now."""
        try:
            while (task := self._todo.next()) is not None:
                if task.ref.refused is None:
                    self._results.handed_out(task)
                    return task
                self._results.refused(task)
        except NothingYet:
            return None
        self._exhausted = True
        return None

    def _finished(self, worker: _Worker, line: dict[str, Any]) -> None:
        held = worker.held[line["id"]]
        self._take(held, line)
        if not held.left:
            del worker.held[line["id"]]
        if not worker.held:
            worker.alone = False
        if worker.asking:
            self._answer(worker)

    def _take(self, held: _Held, line: dict[str, Any]) -> None:
        self._results.take(line, held.task.ref)
        held.left.remove(line["feature_type"])
        held.statuses.append(line["status"])
        if not held.left:
            self._results.video(held.task, held.statuses)

    def _gone(self, worker: _Worker) -> None:
        """A worker's pipe is closed: it ended, or died with videos in hand."""
        del self._workers[worker.connection]
        worker.connection.close()
        worker.process.join()
        if worker.ended:
            return
        self._results.tidy()
        cause = _cause_of_death(worker.process.exitcode)
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= STARTS:
                raise RunError(f"workers on {worker.device} die while they start ({cause}); see the lines above")
        for held in worker.held.values():
            self._lost(worker, held, cause)
        if not self._stopping:
            self._start(worker.device)

    def _lost(self, worker: _Worker, held: _Held, cause: str) -> None:
        """A worker died with this video in hand: try it again, alone if it may be the reason."""
        for line in self._results.unreported(held.task.ref, held.left):
            self._take(held, line)
        if not held.left:
            return
        ref = held.task.ref
        task = Task(ref, tuple(held.left))
        if held.statuses:
            self._statuses[ref.id] = held.statuses
        if worker.hung is not None and worker.hung != ref.id:
            self._fresh.appendleft(task)
            return
        if worker.hung is not None:
            timeout_s = self._plan.run.video_timeout
            cause = f"was ended, as the decoder gave nothing for {timeout_s:g} s (--video_timeout),"
        self._deaths[ref.id] += 1
        if self._deaths[ref.id] <= self._plan.run.max_retries:
            self._progress.warn(f"{ref.label}: the worker on {worker.device} {cause}; trying this video alone")
            self._retries.append(task)
        else:
            reason = f"{ref.label}: the worker {cause} {self._deaths[ref.id]} times while it held this video"
            self._results.give_up(task, reason, held.statuses)

    def _end_workers(self) -> None:
        for worker in self._workers.values():
            worker.process.terminate()
        for worker in self._workers.values():
            worker.process.join(GRACE_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.connection.close()
        self._workers.clear()
        self._results.tidy()


def _error(exit_code: int, message: str) -> FeatmillError:
    return (UserError if exit_code == UserError.exit_code else RunError)(message)


def _cause_of_death(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        name = signal.Signals(-exit_code).name
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return f"was ended by {name}{hint}"
    return f"ended with exit code {exit_code}"
