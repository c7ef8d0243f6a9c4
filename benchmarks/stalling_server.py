"""An HTTP server of videos that stalls or fails on demand, like slow or broken storage."""

import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

STALL_S = 600.0  # longer than any client waits


class StallingServer:
    """Serves a folder at `url`. Each GET request takes a fault from the end of `faults`: "stall", "hold" or "fail".

    released: set it to answer the requests that are held.
    """

    def __init__(self, folder: Path) -> None:
        self.faults: list[str] = []
        self.ended, self.released = threading.Event(), threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self, folder))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.ended.set()
        self._server.shutdown()


class _Handler(SimpleHTTPRequestHandler):
    """Serves files and byte ranges of them."""

    def __init__(self, control: StallingServer, folder: Path, *arguments: Any) -> None:
        self._control = control
        super().__init__(*arguments, directory=str(folder))

    def do_GET(self) -> None:
        fault = self._control.faults.pop() if self._control.faults else None
        if fault == "stall":
            self._control.ended.wait(STALL_S)
            return
        if fault == "hold":
            self._control.released.wait(STALL_S)
            fault = None
        path = Path(self.translate_path(self.path))
        if fault == "fail" or not path.is_file():
            self.send_error(503 if fault else 404)
            return
        data = path.read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start, end = (int(asked[1]), int(asked[2] or len(data) - 1)) if asked else (0, len(data) - 1)
        end = min(end, len(data) - 1)
        self.send_response(206 if asked else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - start + 1))
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(data)}")
        self.end_headers()
        self.wfile.write(data[start : end + 1])

    def do_HEAD(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(path.stat().st_size))
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
