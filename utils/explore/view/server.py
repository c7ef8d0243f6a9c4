"""Serves the page on this machine alone. Requests without the token get nothing."""

import hmac
import re
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from utils.errors import UserError, printable
from utils.explore.view.collection import to_json
from utils.explore.view.documents import Documents
from utils.explore.view.media import Clip

LOOPBACK = "127.0.0.1"
HOSTS = {"127.0.0.1", "localhost", "[::1]"}  # any port: it may be forwarded, as by ssh -L
PAGE = Path(__file__).with_name("page")
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
ASSETS = {path.name: TYPES[path.suffix] for path in sorted(PAGE.iterdir()) if path.suffix in TYPES}
DATA = re.compile(r"data/([a-z0-9-]{1,80})\.json", re.ASCII)
THUMB = re.compile(r"media/(\d{1,9})/(\d{1,9})\.jpg", re.ASCII)
FLOW = re.compile(r"media/(\d{1,9})/flow-(\d{1,4})-(\d{1,9})\.png", re.ASCII)
VIDEO = re.compile(r"media/(\d{1,9})/video", re.ASCII)
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
BLOCK_BYTES = 1 << 18
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Reply:
    """What is sent. file: the bytes [start, end) of a video's file, in place of the body."""

    status: HTTPStatus = HTTPStatus.OK
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    file: tuple[Clip, int, int] | None = None

    @property
    def size(self) -> int:
        """How many bytes the content has."""
        return len(self.body) if self.file is None else self.file[2] - self.file[1]

    def blocks(self) -> Iterator[bytes]:
        """Yield the content."""
        if self.file is None:
            yield self.body
            return
        clip, start, end = self.file
        with clip.open() as file:
            file.seek(start)
            while start < end and (block := file.read(min(BLOCK_BYTES, end - start))):
                start += len(block)
                yield block


def refusal(status: HTTPStatus) -> Reply:
    """Return a reply that says no more than its status."""
    return Reply(status, status.phrase.encode())


NOT_FOUND = refusal(HTTPStatus.NOT_FOUND)


class Server(ThreadingHTTPServer):
    """Listens on loopback. port: 0 for any free one.

    Raises:
        UserError: the port is taken, or may not be used.
    """

    daemon_threads = True

    def __init__(self, documents: Documents, port: int) -> None:
        self.documents = documents
        self.token = secrets.token_urlsafe(24)
        try:
            super().__init__((LOOPBACK, port), Handler)
        except (OSError, OverflowError) as error:
            raise UserError(f"--port {port}: cannot be used ({error}); leave it out to get a free one") from error

    @property
    def address(self) -> str:
        """The address of the page."""
        return f"http://{LOOPBACK}:{self.server_address[1]}/{self.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that browsers close, which they do with videos; one line of others."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError | TimeoutError):
            print(printable(f"page: {type(error).__name__}: {error}"), file=sys.stderr)

    def reply(self, path: str, ranges: str | None) -> Reply:
        """Return what is at a path below the token's."""
        if path in ("", *ASSETS):
            name = path or "index.html"
            return Reply(body=(PAGE / name).read_bytes(), content_type=ASSETS[name])
        if found := DATA.fullmatch(path):
            document = self.documents.get(found[1])
            return NOT_FOUND if document is None else Reply(body=to_json(document), content_type="application/json")
        if found := THUMB.fullmatch(path):
            return _picture(self.documents.thumb(int(found[1]), int(found[2])), "image/jpeg")
        if found := FLOW.fullmatch(path):
            return _picture(self.documents.flow(int(found[1]), int(found[2]), int(found[3])), "image/png")
        if found := VIDEO.fullmatch(path):
            return self._video(int(found[1]), ranges)
        return NOT_FOUND

    def _video(self, number: int, ranges: str | None) -> Reply:
        clip = self.documents.clip(number)
        if clip is None or not clip.size:
            return NOT_FOUND
        part = wanted_range(ranges, clip.size)
        if part is None:
            headers = {"Content-Range": f"bytes */{clip.size}"}
            return Reply(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
        start, end = part
        headers = {"Accept-Ranges": "bytes"}
        status = HTTPStatus.OK
        if ranges:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{clip.size}"
            status = HTTPStatus.PARTIAL_CONTENT
        file = (clip, clip.offset + start, clip.offset + end)
        return Reply(status, content_type=clip.content_type, headers=headers, file=file)


def _picture(content: bytes | None, content_type: str) -> Reply:
    if content is None:
        return NOT_FOUND
    if not content:  # which browsers, unlike 404, do not report as an error
        return Reply(HTTPStatus.NO_CONTENT)
    return Reply(body=content, content_type=content_type, headers={"Cache-Control": "private, max-age=3600"})


def wanted_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the first byte of a range and the one after its last; None if no such bytes exist."""
    if not header:
        return 0, size
    found = RANGE.fullmatch(header.strip())
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        return (max(0, size - int(found[2])), size) if int(found[2]) and size else None
    start, end = int(found[1]), min(int(found[2]) + 1 if found[2] else size, size)
    return (start, end) if start < end else None


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]  # the only server that uses it
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "featmill", ""
    timeout = 60

    def do_GET(self) -> None:
        """Send what is asked for."""
        self._send(self._reply())

    do_HEAD = do_GET  # noqa: N815 - the name that the library calls

    def _reply(self) -> Reply:
        if not self._is_trusted():
            return refusal(HTTPStatus.FORBIDDEN)
        token, slash, path = urlsplit(self.path).path.removeprefix("/").partition("/")
        if not slash or not hmac.compare_digest(token.encode(), self.server.token.encode()):
            return NOT_FOUND
        try:
            return self.server.reply(path, self.headers.get("Range"))
        except Exception as error:  # a hostile file must not end the server
            print(printable(f"page: {path}: {type(error).__name__}: {error}"), file=sys.stderr)
            text = {"error": f"{type(error).__name__}: {error}"}
            return Reply(HTTPStatus.INTERNAL_SERVER_ERROR, to_json(text), "application/json")

    def _is_trusted(self) -> bool:
        """Return whether a request names this machine, and does not come from a page of another site."""
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or re.sub(r":\d+$", "", hosts[0]) not in HOSTS:  # a foreign name that leads here
            return False
        origin = self.headers.get("Origin")
        return origin is None or origin == f"http://{hosts[0]}"

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in {**HEADERS, **reply.headers}.items():
            self.send_header(name, value)
        if reply.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(reply.size))
        self.end_headers()
        if self.command != "HEAD":
            for block in reply.blocks():
                self.wfile.write(block)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: the token is in every address."""
