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
        read: dict[int, str] = {}
        streams = [stream for stream in (self.stdout, self.stderr) if stream is not None]

        def read_all(place: int, stream: IO[str]) -> None:
            read[place] = stream.read()
            stream.close()

        readers = [threading.Thread(target=read_all, args=each, daemon=True) for each in enumerate(streams)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(timeout)
        if len(read) < len(readers):
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        self.wait(timeout)
        return read.get(0, ""), read.get(1, "")

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
            self._process = subprocess.Popen([sys.executable, SERVER], stdin=theirs.fileno())

    def run(self, request: Request, printed: Path, errors: Path) -> int:
        """Return the exit code of a run whose standard output and error go to two files."""
        with printed.open("w") as stdout, errors.open("w") as stderr:
            told = self._ask(request, stdout.fileno(), stderr.fileno())
        return Running(told, None, None).wait()

    def start(self, request: Request) -> Running:
        """Start a run whose standard output and error are pipes."""
        (printed, stdout), (errors, stderr) = os.pipe(), os.pipe()
        told = self._ask(request, stdout, stderr)
        os.close(stdout)
        os.close(stderr)
        return Running(told, os.fdopen(printed), os.fdopen(errors))

    def _ask(self, request: Request, stdout: int, stderr: int) -> IO[str]:
        told, tells = os.pipe()
        with open(os.devnull) as nothing:  # noqa: PTH123 - no path
            descriptors = [nothing.fileno(), stdout, stderr, tells]
            socket.send_fds(self._socket, [json.dumps(asdict(request)).encode()], descriptors)
        os.close(tells)
        return os.fdopen(told)
