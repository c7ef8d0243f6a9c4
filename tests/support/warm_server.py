"""The program without its start-up time: each run is a fork of a process that has PyTorch imported, as are its workers.

All else is the real program, from the command line to the exit code. `python warm_server.py` serves requests that come
through the socket at standard input, each with four descriptors: the run's standard streams, and where to say what
became of it.
"""

import atexit
import contextlib
import importlib
import json
import multiprocessing
import os
import resource
import runpy
import selectors
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.forked_program import become, forking
from support.warm_program import LONGEST, Request

IMPORTED = (
    "h5py", "rich.progress", "yaml", "models", "support.drawn", "utils.commands.cli", "utils.commands.extract",
    "utils.engines.local",
)  # fmt: skip
TIMEOUT_S = 300


def serve(requests: socket.socket) -> None:
    """Answer requests until the other end is closed: a line with a process id, and one with its exit code."""
    from utils.nn.lean_import import without_meta_kernels

    with without_meta_kernels():  # as in a worker
        importlib.import_module("utils.worker.main")
        importlib.import_module("models.timm.weights").import_timm()
        importlib.import_module("models.clip.tower").import_open_clip()
    for name in IMPORTED:
        importlib.import_module(name)
    sys.modules["support.drawn"].keep_drawn()
    context = forking(lambda _role: None)
    multiprocessing.get_context = lambda _method=None: context  # pyright: ignore[reportAttributeAccessIssue]  # replaced on purpose
    with selectors.DefaultSelector() as ready:
        ready.register(requests, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is not requests:
                    ready.unregister(key.fileobj)
                    _tell_the_end(*key.data)
                elif not _begin(requests, ready):
                    return


def _begin(requests: socket.socket, ready: selectors.BaseSelector) -> bool:
    """Fork a run; return whether there was a request."""
    message, descriptors, *_ = socket.recv_fds(requests, LONGEST, 4)
    if not message:
        return False
    *streams, tells = descriptors
    pid = os.fork()
    if pid == 0:
        ready.close()
        request = Request(**json.loads(message))
        become(partial(_run, request, (requests.fileno(), *descriptors)), dict(enumerate(streams)))
    for stream in streams:
        os.close(stream)
    os.write(tells, f"{pid}\n".encode())
    process = os.pidfd_open(pid)
    ready.register(process, selectors.EVENT_READ, (pid, process, tells))
    return True


def _tell_the_end(pid: int, process: int, tells: int) -> None:
    """Say how a run has ended."""
    _, status = os.waitpid(pid, 0)
    os.close(process)
    with contextlib.suppress(BrokenPipeError):  # nobody asks any more
        os.write(tells, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os.close(tells)


def _run(request: Request, foreign: Iterable[int]) -> None:
    """Run a program in this process as the interpreter would. foreign: descriptors that it must not have."""
    for descriptor in foreign:
        os.close(descriptor)
    signal.alarm(TIMEOUT_S)  # ends a run that hangs
    if request.most_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request.most_bytes, resource.RLIM_INFINITY))
    os.chdir(request.cwd)
    os.environ.clear()
    os.environ.update(request.environment)
    time.tzset()
    sys.argv = [request.program, *request.arguments]
    try:
        runpy.run_path(request.program, run_name="__main__")
    finally:
        threading._shutdown()  # type: ignore[attr-defined]  # what the interpreter does as it ends
        atexit._run_exitfuncs()


if __name__ == "__main__":
    with socket.socket(fileno=os.dup(0)) as listened:
        serve(listened)
