"""The program without its start-up time: each run is a fork of a process that has PyTorch imported, as are its workers.

All else is the real program, from the command line to the exit code. `python warm_program.py PROGRAM` serves one
program: it reads requests from standard input, a line of JSON each, and answers each with an exit code.
"""

import atexit
import importlib
import json
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

IMPORTED = (
    "h5py", "rich.progress", "yaml", "models", "utils.commands.cli", "utils.commands.extract", "utils.engines.local",
)  # fmt: skip
TIMEOUT_S = 300


class WarmProgram:
    """A process that runs one program as often as it is asked to."""

    def __init__(self, program: Path) -> None:
        command = [sys.executable, __file__, str(program)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, arguments: list[str], cwd: Path, environment: dict[str, str], printed: Path, errors: Path) -> int:
        """Return the exit code of a run whose standard output and error go to two files."""
        request = (arguments, str(cwd), environment, [os.devnull, str(printed), str(errors)])
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        requests.write(json.dumps(request) + "\n")
        requests.flush()
        return int(answers.readline())


def serve(program: str) -> None:
    """Answer requests until standard input ends."""
    from benchmarks.forked_program import forking
    from utils.nn.lean_import import without_meta_kernels

    with without_meta_kernels():  # as in a worker
        importlib.import_module("utils.worker.main")
    for name in IMPORTED:
        importlib.import_module(name)
    context = forking(lambda _role: None)
    multiprocessing.get_context = lambda _method=None: context  # pyright: ignore[reportAttributeAccessIssue]  # replaced on purpose
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(program, *json.loads(line))
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(program: str, arguments: list[str], cwd: str, environment: dict[str, str], streams: list[str]) -> None:
    """Run the program in this process as the interpreter would, and end."""
    exit_code = 1
    try:
        _take_over(cwd, environment, streams)
        sys.argv = [program, *arguments]
        runpy.run_path(program, run_name="__main__")
        exit_code = 0
    except SystemExit as end:
        exit_code = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        threading._shutdown()  # type: ignore[attr-defined]  # what the interpreter does as it ends
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(exit_code)


def _take_over(cwd: str, environment: dict[str, str], streams: list[str]) -> None:
    """Give this process its working directory, environment and standard streams."""
    os.setsid()
    signal.alarm(TIMEOUT_S)  # ends a run that hangs
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    for descriptor, file in enumerate(streams):
        opened = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)


if __name__ == "__main__":
    serve(sys.argv[1])
