"""The main process of a run: one worker per device, videos handed out one by one, dead workers replaced.

Workers are spawned through the context that torch.multiprocessing.get_context returns, which is the standard
library's own; importing it from there spares the main process the import of torch, and the first worker its wait.
"""

import collections
import multiprocessing
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from utils import files
from utils.errors import FramemillError, RunError, UserError
from utils.manifest import Manifest
from utils.plan import Plan, manifest_line
from utils.progress import RunProgress
from utils.sources.ref import VideoRef
from utils.worker import work

STARTS = 3  # workers that may die in a row before they are ready
GRACE_S = 5.0  # between asking a worker to end and killing it


class Interrupted(Exception):  # noqa: N818 - no error: the user asked for it
    """Ctrl-C or SIGTERM."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.exit_code = 128 + signal_number


@dataclass(eq=False)
class _Worker:
    device: str
    process: BaseProcess
    connection: Connection
    held: dict[str, VideoRef] = field(default_factory=dict)
    ready: bool = False
    asking: bool = False  # waits for a video that it cannot have yet
    alone: bool = False  # holds one video that a worker died with, and gets no other meanwhile
    ended: bool = False  # said goodbye


@dataclass
class Totals:
    """How the videos of a run ended; `lines` are the manifest lines of those not simply done."""

    done: int = 0
    partial: int = 0
    skipped: int = 0
    failed: int = 0
    windows: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)


class Runner:
    """Hands out videos and gathers what the workers report."""

    def __init__(self, plan: Plan, refs: Iterable[VideoRef], progress: RunProgress) -> None:
        self._plan = plan
        self._fresh = iter(refs)
        self._retries: collections.deque[VideoRef] = collections.deque()
        self._deaths: collections.Counter[str] = collections.Counter()
        self._failed_starts = 0
        self._progress = progress
        self._manifest = Manifest(plan.folder)
        self._workers: dict[Connection, _Worker] = {}
        self._context = multiprocessing.get_context("spawn")
        self.totals = Totals()

    def run(self, devices: list[str]) -> None:
        """Work until every video is finished.

        Raises:
            FramemillError: a worker cannot load its networks, or the machine fails.
            Interrupted: Ctrl-C or SIGTERM. The workers are ended, only whole files remain.
        """
        previous = {number: signal.signal(number, _interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            for device in devices:
                self._start(device)
            while self._workers:
                for connection in wait(list(self._workers)):
                    self._receive(self._workers[connection])
        finally:
            for number in previous:
                signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not break the cleaning up
            self._end_workers()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _start(self, device: str) -> None:
        # Threads that wait for each other by spinning make a busy machine two to four times slower, and gain nothing on
        # a quiet one. The variable counts when a process loads its OpenMP library, so workers inherit it.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=work, args=(theirs, self._plan, device), daemon=True)
        process.start()
        theirs.close()
        self._workers[ours] = _Worker(device, process, ours)

    def _receive(self, worker: _Worker) -> None:
        try:
            kind, *content = worker.connection.recv()
        except (EOFError, OSError):
            self._gone(worker)
            return
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
            case "finished":
                self._finished(worker, content[0])
            case "bye":
                worker.ended = True
            case "fatal":
                raise _error(*content)

    def _answer(self, worker: _Worker) -> None:
        """Give the asking worker its next video, or None if there is no more, or let it wait."""
        if worker.alone:
            return
        if not (self._retries and not worker.held):
            ref = next(self._fresh, None)
            if ref is None and self._retries:
                return  # it may have one of these once it holds nothing else
        else:
            ref = self._retries.popleft()
            worker.alone = True
        if ref is not None:
            worker.held[ref.id] = ref
        worker.asking = False
        self._tell(worker, ref)

    def _tell(self, worker: _Worker, ref: VideoRef | None) -> None:
        try:
            worker.connection.send(ref)
        except OSError:  # it died meanwhile, which its end of the pipe will say
            worker.asking = False

    def _finished(self, worker: _Worker, line: dict[str, Any]) -> None:
        worker.held.pop(line["id"], None)
        if not worker.held:
            worker.alone = False
        self._count(line)
        if worker.asking:
            self._answer(worker)

    def _count(self, line: dict[str, Any]) -> None:
        status = line["status"]
        setattr(self.totals, status, getattr(self.totals, status) + 1)
        self.totals.windows += line["windows"]
        if status != "done":
            self.totals.lines.append(line)
            self._progress.warn(f"{status}: {line['reason']}")
        self._progress.video(failed=status == "failed")

    def _gone(self, worker: _Worker) -> None:
        """A worker's pipe is closed: it ended, or died with videos in hand."""
        del self._workers[worker.connection]
        worker.connection.close()
        worker.process.join()
        if worker.ended:
            return
        if self._plan.folder.is_dir():
            files.remove_leftovers(self._plan.folder, worker.process.pid or 0)
        cause = _cause_of_death(worker.process.exitcode)
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= STARTS:
                raise RunError(f"workers on {worker.device} die while they start ({cause}); see the lines above")
        for ref in worker.held.values():
            self._deaths[ref.id] += 1
            if self._deaths[ref.id] <= self._plan.run.max_retries:
                self._progress.warn(f"{ref.path}: the worker on {worker.device} {cause}; trying this video alone")
                self._retries.append(ref)
            else:
                self._give_up(ref, cause)
        self._start(worker.device)

    def _give_up(self, ref: VideoRef, cause: str) -> None:
        reason = f"{ref.path}: the worker {cause} {self._deaths[ref.id]} times while it held this video"
        line = manifest_line(self._plan, ref, "failed", reason, outputs=[], windows=0)
        if self._plan.run.on_extraction != "print":
            self._manifest.append(line)
        self._count(line)

    def _end_workers(self) -> None:
        for worker in self._workers.values():
            worker.process.terminate()
        for worker in self._workers.values():
            worker.process.join(GRACE_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            if self._plan.folder.is_dir():
                files.remove_leftovers(self._plan.folder, worker.process.pid or 0)
            worker.connection.close()
        self._workers.clear()


def _interrupt(signal_number: int, _frame: object) -> None:
    raise Interrupted(signal_number)


def _error(exit_code: int, message: str) -> FramemillError:
    return (UserError if exit_code == UserError.exit_code else RunError)(message)


def _cause_of_death(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        name = signal.Signals(-exit_code).name
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return f"was ended by {name}{hint}"
    return f"ended with exit code {exit_code}"
