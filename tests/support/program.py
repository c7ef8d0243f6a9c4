"""Run the program as a user does, and look at what it leaves."""

import contextlib
import ctypes
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.warm_program import Request, Running, WarmProgram

ROOT = Path(__file__).parents[2]
MAIN = ROOT / "main.py"
TINY_PROGRAM = Path(__file__).with_name("tiny_program.py")
HAS_COMPILER = shutil.which(os.environ.get("CXX", "g++")) is not None
Process = subprocess.Popen[str] | Running
needs_compiler = pytest.mark.skipif(not HAS_COMPILER, reason="no C++ compiler for --compile")


def run(
    *arguments: Any,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    program: Path = MAIN,
    most_bytes: int | None = None,
) -> subprocess.CompletedProcess[str]:
    """Return what `python main.py ARGUMENTS` did: returncode, stdout, stderr. Python and PyTorch are started already.

    env: more environment variables, of which Python and PyTorch read none as they start. most_bytes: the size at which
    a file that it writes cannot grow.
    """
    request = _request(arguments, cwd, env, program, most_bytes)
    with tempfile.TemporaryDirectory() as folder:
        printed, errors = Path(folder, "stdout"), Path(folder, "stderr")
        exit_code = _warm().run(request, printed, errors)
        return subprocess.CompletedProcess(request.arguments, exit_code, printed.read_text(), errors.read_text())


def start(
    *arguments: Any,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    program: Path = MAIN,
    stdout: int | None = None,
    stderr: int | None = None,
) -> Running:
    """Start `python main.py ARGUMENTS`, like `run`, in a new process group, as a shell does.

    stdout, stderr: descriptors of its standard output and error, or None for a pipe each.
    """
    return _warm().start(_request(arguments, cwd, env, program), stdout, stderr)


def _request(
    arguments: Sequence[Any], cwd: Path, env: Mapping[str, str] | None, program: Path, most_bytes: int | None = None
) -> Request:
    return Request(str(program), list(map(str, arguments)), str(cwd), os.environ | (env or {}), most_bytes)


@functools.cache
def _warm() -> WarmProgram:
    return WarmProgram()


def run_anew(
    *arguments: Any, cwd: Path = ROOT, env: Mapping[str, str] | None = None, program: Path = MAIN
) -> subprocess.CompletedProcess[str]:
    """Return what `python main.py ARGUMENTS` did in a new interpreter. env: more environment variables."""
    command = [sys.executable, str(program), *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=os.environ | (env or {}), capture_output=True, text=True, check=False, timeout=300
    )


def start_anew(*arguments: Any, program: Path = MAIN) -> subprocess.Popen[str]:
    """Start `python main.py ARGUMENTS` in a new interpreter and process group, as a shell does."""
    command = [sys.executable, str(program), *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def interrupt_group(process: Process) -> None:
    """Send Ctrl-C to the program and its workers, as a terminal does."""
    os.killpg(process.pid, signal.SIGINT)


def manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the last manifest line of each video, by output name."""
    lines = map(json.loads, (folder / "manifest.jsonl").read_text().splitlines())
    return {line["name"]: line for line in lines}


def has_manifest(folder: Path) -> bool:
    """Return whether a first video is recorded in the folder of a feature type."""
    path = folder / "manifest.jsonl"
    return path.exists() and path.stat().st_size > 0


def arrays(folder: Path) -> dict[str, np.ndarray]:
    """Return all saved .npy arrays by path below a folder."""
    return {path.relative_to(folder).as_posix(): np.load(path) for path in sorted(folder.rglob("*.npy"))}


def unfinished(folder: Path) -> list[Path]:
    """Return the temporary files below a folder; after a run there must be none."""
    private = [path for path in folder.rglob("*") if ".featmill" in path.parts and path.is_file()]
    return [path for path in private if path.parent.name not in ("shards", "merged")]


def until(happened: Callable[[], Any], process: Process) -> None:
    """Wait until `happened` returns true. AssertionError if the program ends before."""
    while not happened():
        if process.poll() is not None:
            raise AssertionError(f"the program ended before: {process.communicate()}")
        time.sleep(0.02)


def read_up_to(words: str, process: Process) -> str:
    """Return what the program writes to standard error up to some words. AssertionError if it ends before them."""
    assert process.stderr is not None
    text = b""
    while words.encode() not in text:
        block = os.read(process.stderr.fileno(), 4096)  # not through its buffer, which `communicate` passes by
        assert block, text
        text += block
    return text.decode()


def workers(pid: int) -> list[int]:
    """Return the ids of a program's worker processes."""
    forked, found = Path(f"/proc/{pid}/cmdline").read_bytes(), []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # the process may end meanwhile
            parent, command = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1]), folder / "cmdline"
            if parent == pid and (b"--multiprocessing-fork" in (text := command.read_bytes()) or text == forked):
                found.append(int(folder.name))
    return found


def is_running(pid: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@contextlib.contextmanager
def watched(path: Path) -> Iterator[Callable[[], bool]]:
    """Watch a file (Linux's inotify); yield a function that returns whether any process has opened it since."""
    libc, opened = ctypes.CDLL(None, use_errno=True), 0x20
    queue = libc.inotify_init1(os.O_NONBLOCK)
    if queue < 0 or libc.inotify_add_watch(queue, os.fsencode(path), opened) < 0:
        raise OSError(ctypes.get_errno(), "inotify cannot watch", str(path))

    def was_opened() -> bool:
        try:
            return bool(os.read(queue, 4096))
        except BlockingIOError:
            return False

    try:
        yield was_opened
    finally:
        os.close(queue)
