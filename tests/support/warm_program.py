"""A process that runs programs without their start-up time (warm_server.py), as tests ask it to."""

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

SERVER = Path(__file__).with_name("warm_server.py")
LONGEST = 1 << 20  # bytes of a request


@dataclass(frozen=True)
class Request:
    """A run that is asked for. most_bytes: of a file that it writes, None for no limit."""

    program: str
    arguments: Sequence[str]
    cwd: str
    environment: dict[str, str]
    most_bytes: int | None = None


class Running:
    """A run of the program: what tests use of subprocess.Popen[str]."""

    def __init__(self, told: IO[str], stdout: IO[str] | None, stderr: IO[str] | None) -> None:
        self._told = told
        self.stdout, self.stderr = stdout, stderr
        self.pid = int(told.readline())
        self.returncode: int | Any = None  # as subprocess has it

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once there is one. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            with selectors.DefaultSelector() as ready:
                ready.register(self._told, selectors.EVENT_READ)
                if not ready.select(timeout):
                    raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            self.returncode = int(self._told.readline())
            self._told.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Return what it prints until both streams are closed. Raises subprocess.TimeoutExpired."""
        streams, texts = (self.stdout, self.stderr), ["", ""]

        def read(place: int) -> None:
            if stream := streams[place]:
                with stream:
                    texts[place] = stream.read()

        readers = [threading.Thread(target=read, args=(place,), daemon=True) for place in (0, 1)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(timeout)
            if reader.is_alive():
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        self.wait(timeout)
        return texts[0], texts[1]

    def send_signal(self, number: int) -> None:
        """Send a signal to the main process, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the main process."""
        self.send_signal(signal.SIGKILL)


class WarmProgram:
    """A process that runs programs as often as it is asked to, several at a time."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LONGEST)
        with theirs:
            environment = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}  # in other locales it may be more lenient
            self._process = subprocess.Popen(
                [sys.executable, SERVER], stdin=theirs.fileno(), stdout=subprocess.DEVNULL, env=environment
            )

    def run(self, request: Request, printed: Path, errors: Path) -> int:
        """Return the exit code of a run whose standard output and error go to two files."""
        with printed.open("w") as stdout, errors.open("w") as stderr:
            return self.start(request, stdout.fileno(), stderr.fileno()).wait()

    def start(self, request: Request, stdout: int | None = None, stderr: int | None = None) -> Running:
        """Start a run. stdout, stderr: descriptors of its standard output and error, or None for a pipe each."""
        with contextlib.ExitStack() as theirs:
            ends, given = [], []
            for descriptor in (stdout, stderr):
                end = None
                if descriptor is None:
                    end, descriptor = os.pipe()
                    theirs.callback(os.close, descriptor)
                ends.append(end if end is None else os.fdopen(end))
                given.append(descriptor)
            return Running(self._ask(request, *given), *ends)

    def _ask(self, request: Request, stdout: int, stderr: int) -> IO[str]:
        told, tells = os.pipe()
        with open(os.devnull) as nothing:  # noqa: PTH123 - no path
            descriptors = [nothing.fileno(), stdout, stderr, tells]
            socket.send_fds(self._socket, [json.dumps(asdict(request)).encode()], descriptors)
        os.close(tells)
        return os.fdopen(told)
