"""Web servers and disks that fail: for a while, or for good."""

import contextlib
import socket
import struct
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from pathlib import Path
from typing import cast

from support.sources import Ranges, serving


class FaultyServer(ThreadingHTTPServer):
    """A server of ranges of files, some of whose answers fail.

    fault: reset (the connection breaks within the answer), short (the answer ends too early), stall (it never ends),
    refuse (HTTP status 503), endless (no range, no length, no end), or huge (no range, a length of 10^15 bytes).
    passes: so many answers are right first. n_faults: so many are wrong after them, then all are right again.
    """

    daemon_threads = True
    fault = ""
    passes = n_faults = 0

    def next_fault(self) -> str:
        """Return what is wrong with the next answer; "" for nothing."""
        if self.passes > 0:
            self.passes -= 1
            return ""
        self.n_faults -= 1
        return self.fault if self.n_faults >= 0 else ""


class _Handler(Ranges):
    server: FaultyServer  # pyright: ignore[reportIncompatibleVariableOverride]  # the only one that makes it

    def do_HEAD(self) -> None:  # noqa: N802 - the name that the library calls
        if self.server.fault in ("endless", "huge"):
            self.send_error(405)
        else:
            super().do_HEAD()

    def do_GET(self) -> None:  # noqa: N802 - the same
        fault = self.server.next_fault()
        if not fault:
            super().do_GET()
        elif fault == "refuse":
            self.send_error(503)
        elif fault in ("endless", "huge"):
            self._send_without_end(fault)
        else:
            self._break_off(fault)

    def _send_without_end(self, fault: str) -> None:
        self.send_response(200)
        if fault == "huge":
            self.send_header("Content-Length", str(10**15))
        self.end_headers()
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(bytes(1 << 16))

    def _break_off(self, fault: str) -> None:
        sent, self.wfile = self.wfile, cast(BufferedIOBase, _Half(self.wfile))
        SimpleHTTPRequestHandler.do_GET(self) if "Range" not in self.headers else super().do_GET()
        if fault == "stall":
            threading.Event().wait(30)
        elif fault == "reset":  # a close without lingering resets the connection
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sent.flush()
        self.wfile = sent
        self.close_connection = True
        if fault == "reset":
            self.connection.close()


class _Half:
    """A stream that passes headers on, and half of the body."""

    closed = False

    def __init__(self, stream: BufferedIOBase) -> None:
        self._stream = stream

    def write(self, data: bytes) -> int:
        is_header = data.startswith(b"HTTP/")
        self._stream.write(data if is_header else data[: len(data) // 2])
        self._stream.flush()
        return len(data)

    def flush(self) -> None:
        """Everything is sent."""


def faulty_server(
    folder: Path, fault: str, passes: int = 0, n_faults: int = 10**9
) -> contextlib.AbstractContextManager[str]:
    """Serve a folder while the block runs; yield its address."""
    server = FaultyServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
    server.fault, server.passes, server.n_faults = fault, passes, n_faults
    return serving(server)
