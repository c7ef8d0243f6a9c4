"""A web server of one checkpoint that can be made to misbehave, and the table entry of that checkpoint."""

import hashlib
import http.server
import threading
import time
from pathlib import Path
from typing import Any

from utils.weights.pretrained import Published

CONTENT = bytes(range(256)) * 8192  # 2 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()
GIT_BLOB = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()


def published(url: str, **checks: Any) -> Published:
    """Return the entry of the checkpoint at an address, with these checksums."""
    return Published("model.pth", url, "MIT", "https://example.org/model", **checks)


def names(folder: Path) -> list[str]:
    """Return the names of the files in a folder, without the locks of downloads."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


class Server:
    """A local web server that can be made to misbehave."""

    def __init__(self) -> None:
        self.content = CONTENT
        self.etag = '"one"'
        self.ranges = True  # whether it honours Range
        self.cuts: list[int] = []  # for each coming answer: after how many bytes of the body the connection ends
        self.statuses: list[int] = []  # for each coming answer: an error to give instead
        self.pause_s = 0.0  # before the body
        self.asked: list[tuple[str, str | None, str | None]] = []  # (path, Range, If-Range) of every request
        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self.httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        """The address of the checkpoint."""
        return f"http://127.0.0.1:{self.httpd.server_port}/model.pth"

    def close(self) -> None:
        """Stop."""
        self.httpd.shutdown()
        self.httpd.server_close()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                """Print nothing."""

            def do_GET(self) -> None:
                server.answer(self)

        return Handler

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        wanted, condition = handler.headers["Range"], handler.headers["If-Range"]
        self.asked.append((handler.path, wanted, condition))
        if handler.path == "/moved.pth":
            handler.send_response(302)
            handler.send_header("Location", "/model.pth")
            handler.end_headers()
            return
        if self.statuses:
            handler.send_error(self.statuses.pop(0))
            return
        start, size = 0, len(self.content)
        if self.ranges and wanted and condition in (None, self.etag):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= size:
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{size}")
            handler.end_headers()
            return
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        if self.etag:
            handler.send_header("ETag", self.etag)
        handler.send_header("Content-Length", str(size - start))
        handler.end_headers()
        time.sleep(self.pause_s)
        handler.wfile.write(self.content[start:][: self.cuts.pop(0) if self.cuts else None])
