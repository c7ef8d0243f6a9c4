"""Telling processes apart across machines, containers and restarts, and whether one is still running."""

import multiprocessing
import os
import re
import signal
import socket
import sys
from collections.abc import Callable
from functools import lru_cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

import psutil

from utils.errors import RunError

Result = TypeVar("Result")


@lru_cache(maxsize=1)
def host() -> str:
    """Return the machine's name, fit for a file name."""
    return re.sub(r"[^A-Za-z0-9.]+", "_", socket.gethostname()) or "localhost"


@lru_cache(maxsize=1)
def _system() -> str:
    """Return an id of this boot and process namespace, within which a process id means one process at a time."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
        return f"{boot}.{re.sub('[^0-9]', '', str(Path('/proc/self/ns/pid').readlink()))}"
    except OSError:  # not Linux
        return "0.0"


def identity() -> str:
    """Return a name for this process that no other process ever has: host, system, process id, start time."""
    return _identity(os.getpid())


@lru_cache(maxsize=1)
def _identity(pid: int) -> str:
    return f"{host()}~{_system()}~{pid}~{_started(pid)}"


def is_alive(name: str) -> bool | None:
    """Return whether the process of that `identity` is running; None where this system cannot tell."""
    parts = name.split("~")
    if len(parts) != 4 or not (parts[2].isdecimal() and parts[3].isdecimal()) or parts[:2] != [host(), _system()]:
        return None
    pid, started = int(parts[2]), int(parts[3])
    try:
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:  # it has ended, and its parent does not know yet
            return False
        return _started(pid) == started if started else None
    except psutil.NoSuchProcess:
        return None if _is_hidden(pid) else False


def _started(pid: int) -> int:
    """Return when a process started, in 1/100 s since boot: its id may be reused later, this time is not.

    0 on systems other than Linux. They keep the time of day, which is of no use once the clock is set.

    Raises:
        psutil.NoSuchProcess: it has ended.
    """
    if not psutil.LINUX:
        return 0
    while True:  # psutil adds the boot time, which changes when the clock is set: subtract the same one
        boot_s = psutil.boot_time()
        created_s = psutil.Process(pid).create_time()
        if psutil.boot_time() == boot_s:
            return round((created_s - boot_s) * 100)


def _is_hidden(pid: int) -> bool:
    """Return whether a process exists that /proc does not show to this user (mount option hidepid)."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):  # OverflowError: no process can have this id
        return False
    return False


def in_child(function: Callable[..., Result], *arguments: Any) -> Result:
    """Return what a function returns in a separate process, so that a crash of a library ends that process only.

    Raises:
        OSError: the function raised it, or the process crashed. RunError: the function raised it.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_call, args=(theirs, function, arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        succeeded, result = ours.recv()
    except EOFError:
        process.join()
        raise OSError(f"a process that wrote it crashed (exit code {process.exitcode}); the disk may be full") from None
    finally:
        ours.close()
    process.join()
    if not succeeded:
        raise result
    return result


def _call(connection: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the main process to handle
    sys.excepthook = lambda *_: None  # h5py prints a traceback for every object that it cannot flush
    sys.unraisablehook = lambda _: None  # and again
    try:
        answer = (True, function(*arguments))
    except OSError as error:
        answer = (False, OSError(error.errno, error.strerror or str(error)))
    except RunError as error:
        answer = (False, error)
    connection.send(answer)
