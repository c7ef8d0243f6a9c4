"""Spawning worker processes. A worker imports PyTorch at once, before it is told what to do.

The spawn context is the standard library's: it is the object that torch.multiprocessing.get_context returns, but taking
it from there would make the main process import torch first.
"""

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Self

from utils.engines.environment import without_garbage_collection, worker_environment
from utils.errors import RunError
from utils.nn.lean_import import without_meta_kernels

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WorkerHandle:
    """A process that waits for `Start` at the other end of its pipe, then works (utils/worker/main.py)."""

    process: SpawnProcess
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
        handle, self._ahead = self._ahead or _start(), None
        return handle


def _start() -> WorkerHandle:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_begin, args=(theirs,), daemon=True)
    with worker_environment():
        process.start()
    theirs.close()
    return WorkerHandle(process, ours)


def _begin(connection: Connection) -> None:
    """Body of the process. SIGINT is left to the main process, which ends its workers by SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    try:
        with without_garbage_collection(), without_meta_kernels():
            from utils.worker.main import work
    except Exception:
        from utils.worker.messages import Fatal  # here, so that the first worker need not wait for its import

        with contextlib.suppress(OSError):  # the main process is gone
            connection.send(Fatal(RunError.exit_code, f"a worker cannot start: {traceback.format_exc()}"))
        return
    work(connection)


def _end_with_parent() -> None:
    """End this process, as SIGTERM does, once the one that started it is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        log.warning("the main process is gone, so this worker stops")
        os.kill(os.getpid(), signal.SIGTERM)
