"""Workers on this machine: one process each, with its own pipe.

A queue shared by all would freeze for every reader when one is killed while it waits.
"""

import contextlib
import itertools
import signal
from collections.abc import Iterator, Sequence
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess

from utils.config.run import RunConfig
from utils.engines import devices
from utils.engines.base import Gone, WorkerId
from utils.engines.environment import UNGUARDED
from utils.engines.spawn import WorkerHandle, WorkerStarter
from utils.errors import UserError
from utils.run.prepare import Resources
from utils.worker.messages import Message, Start
from utils.worker.plan import Plan, Task

GRACE_S = 5.0  # between asking a worker to end and killing it


class LocalEngine:
    """See `Engine`. starter: gives processes that wait for their plan."""

    def __init__(self, starter: WorkerStarter) -> None:
        self._starter = starter
        self._ids = itertools.count()
        self._workers: dict[WorkerId, WorkerHandle] = {}

    def resources(self, run: RunConfig) -> tuple[Resources, str]:
        """Return what the workers run on, and a line about it."""
        return devices.choose(run)

    def check(self, plan: Plan, tasks: Sequence[Task]) -> None:
        """Workers on this machine see what the main process sees."""

    def start(self, plan: Plan, device: str) -> WorkerId:
        """Start a worker on a device."""
        worker, handle = WorkerId(next(self._ids)), self._starter.take()
        with contextlib.suppress(OSError):  # it has died: `poll` will report that
            handle.connection.send(Start(plan, device, label=device))
        self._workers[worker] = handle
        return worker

    def send(self, worker: WorkerId, tasks: Sequence[Task]) -> None:
        """Send a worker its next task; it gets none ahead."""
        if worker in self._workers:
            with contextlib.suppress(OSError):  # it has died: `poll` will report that
                self._workers[worker].connection.send(tasks[0] if tasks else None)

    def recall(self, worker: WorkerId) -> None:
        """No worker on this machine is given tasks ahead."""

    def poll(self, timeout_s: float) -> Iterator[tuple[WorkerId, Message | Gone]]:
        """Yield one message of each worker that has sent any."""
        workers = dict(self._workers)
        ready = wait([handle.connection for handle in workers.values()], timeout_s)
        for worker, handle in workers.items():
            if handle.connection not in ready:
                continue
            try:
                message: Message = handle.connection.recv()
            except (EOFError, OSError):
                yield worker, self._gone(worker)
            else:
                yield worker, message

    def _gone(self, worker: WorkerId) -> Gone:
        handle = self._workers.pop(worker)
        handle.connection.close()
        handle.process.join()
        if handle.process.exitcode == UNGUARDED:
            raise UserError(
                "each worker imports the script that calls main(), and so calls it again: "
                'put the call below `if __name__ == "__main__":`'
            )
        return Gone(cause_of(handle.process.exitcode))

    def kill(self, worker: WorkerId) -> None:
        """End a worker at once."""
        if worker in self._workers:
            self._workers[worker].process.kill()

    def end(self) -> None:
        """End all workers."""
        for handle in self._workers.values():
            handle.process.terminate()
        for handle in self._workers.values():
            end_process(handle.process)
            handle.connection.close()
        self._workers.clear()


def end_process(process: SpawnProcess) -> None:
    """Wait for a worker that was asked to end; kill it after a grace period."""
    process.join(GRACE_S)
    if process.is_alive():
        process.kill()
        process.join()


def cause_of(exit_code: int | None) -> str:
    """Return how a worker process ended."""
    if exit_code is not None and exit_code < 0:
        name = signal.Signals(-exit_code).name
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return f"was ended by {name}{hint}"
    return f"ended with exit code {exit_code}"
