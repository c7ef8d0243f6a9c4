"""Worker processes, and how they begin: PyTorch is imported before it is known what the worker will do.

They are spawned through the context that torch.multiprocessing.get_context returns, which is the standard library's
own; importing it from there spares the main process the import of torch, and the first worker its wait.
"""

import contextlib
import multiprocessing
import signal
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Self

from utils.engines.environment import tuned_environment, without_garbage_collection
from utils.errors import RunError


@dataclass(frozen=True)
class WorkerHandle:
    """A process that waits for (plan, device) at the other end of its pipe, then works (utils/worker/main.py)."""

    process: BaseProcess
    connection: Connection


class WorkerStarter:
    """Starts worker processes; in a `with` block the first one at once, while the main process reads its list."""

    def __init__(self) -> None:
        self._ahead: WorkerHandle | None = None

    def __enter__(self) -> Self:
        """Start a worker ahead of time."""
        self._ahead = _start()
        return self

    def __exit__(self, _kind: type | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        """End the worker that was started ahead, if nobody took it."""
        if self._ahead is not None:
            self._ahead.process.kill()
            self._ahead.process.join()
            self._ahead.connection.close()

    def take(self) -> WorkerHandle:
        """Return a worker that waits for its plan: the one started ahead, then new ones."""
        begun, self._ahead = self._ahead or _start(), None
        return begun


def _start() -> WorkerHandle:
    tuned_environment()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_begin, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    return WorkerHandle(process, ours)


def _begin(connection: Connection) -> None:
    """Body of the process. SIGINT is left to the main process, which ends its workers by SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with without_garbage_collection():
            from utils.worker.main import work
    except Exception:
        with contextlib.suppress(OSError):  # the main process is gone
            connection.send(("fatal", RunError.exit_code, f"a worker cannot start: {traceback.format_exc()}"))
        return
    work(connection)
