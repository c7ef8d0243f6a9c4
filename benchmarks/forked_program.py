"""The program without its start-up time: each run is a fork of a process that has everything imported.

Its workers are forks as well. All else is the real program, from the command line to the exit code.
"""

import contextlib
import ctypes
import importlib
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import util
from multiprocessing.connection import Connection
from multiprocessing.context import ForkContext, ForkProcess
from pathlib import Path
from typing import Any, NoReturn

from main import run as run_command
from models import MODELS
from utils.commands.streams import settle
from utils.extractors.registry import Model

IMPORTED = (
    "h5py", "pyarrow.parquet", "pyarrow.compute", "rich.progress", "yaml", "benchmarks.simulated_extractor",
    "utils.commands.cli", "utils.commands.extract", "utils.engines.local", "utils.worker.main",
)  # fmt: skip
SIMULATED = Model(
    config="benchmarks.simulated:SimulatedConfig",
    extractor="benchmarks.simulated_extractor:SimulatedExtractor",
    pretrained="benchmarks.simulated",
    summary="the mean of each frame",
    outputs={"simulated": "[frames, 3]"},
)
MAIN, WORKER, CHILD = ROLES = range(3)  # the main process, its workers, processes that write HDF5
BECOME_REAPER = 36  # PR_SET_CHILD_SUBREAPER: a killed run's workers become children of this process
TIMEOUT_S = 240.0  # a run takes a second, or a minute where other programs have the cores: only a hang takes longer
ORPHANS_S = 60.0  # in which the workers of a killed run must have ended

Enter = Callable[[int], Any]  # is told the role of the process that it is called in


@dataclass(frozen=True)
class ForkedRun:
    """How a run ended. exit_code: negative for a signal, None if it hung. orphaned: a worker outlived it."""

    exit_code: int | None
    text: str
    orphaned: bool


def prepare(enter: Enter) -> None:
    """Import everything, and have all processes that a run would spawn forked from it."""
    for name in IMPORTED:
        importlib.import_module(name)
    MODELS["simulated"] = MODELS["simulated_too"] = SIMULATED
    ctypes.CDLL(None).prctl(BECOME_REAPER, 1)
    context = forking(enter)
    multiprocessing.get_context = lambda method=None: context  # type: ignore[assignment]  # replaced on purpose


def forking(enter: Enter) -> Any:
    """Return a context like the "spawn" one of multiprocessing, whose processes are forks that call `enter` first."""

    class Process(ForkProcess):
        def run(self) -> None:
            target: Any = getattr(self, "_target", None)
            enter(WORKER if target.__name__ == "_begin" else CHILD)
            super().run()

    class Context(ForkContext):
        def Pipe(self, duplex: bool = True) -> tuple[Any, Any]:  # noqa: N802 - the standard library's name
            ours, theirs = super().Pipe(duplex)
            util.register_after_fork(ours, Connection.close)  # a spawned process would not have it either
            return ours, theirs

    Context.Process = Process  # type: ignore[assignment]  # replaced on purpose
    return Context()


def run(arguments: Sequence[str], log: Path, enter: Enter) -> ForkedRun:
    """Run the program in a new process group, and wait for all its processes."""
    sys.stdout.flush()
    with log.open("w+b") as file:
        pid = os.fork()
        if pid == 0:
            become(partial(_run_main, arguments, enter), dict.fromkeys((1, 2), file.fileno()))
        exit_code = _wait(pid)
        orphaned = not _all_ended(pid)
        file.seek(0)
        return ForkedRun(exit_code, file.read().decode("utf-8", "replace"), orphaned)


def _run_main(arguments: Sequence[str], enter: Enter) -> None:
    """Do what main.py does when Python runs it."""
    enter(MAIN)
    sys.argv[1:] = arguments
    run_command()


def become(program: Callable[[], object], streams: Mapping[int, int]) -> NoReturn:
    """Run a program in this process, a fork, in a new session, and end with its exit code.

    streams: what its standard streams are copies of, by descriptor.
    """
    exit_code = 1
    try:
        os.setsid()
        for descriptor, file in streams.items():
            os.dup2(file, descriptor)
        program()
        exit_code = 0
    except SystemExit as end:
        exit_code = int(end.code or 0)
    except BaseException:  # what the interpreter would do
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            settle()
        os._exit(exit_code)


def _wait(pid: int) -> int | None:
    deadline_s = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline_s:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def _all_ended(group: int) -> bool:
    """Wait for the other processes of a run; kill those that stay."""
    deadline_s = time.monotonic() + ORPHANS_S
    while time.monotonic() < deadline_s:
        try:
            if os.waitpid(-group, os.WNOHANG) == (0, 0):
                time.sleep(0.005)
        except ChildProcessError:
            return True
    os.killpg(group, signal.SIGKILL)
    return False
