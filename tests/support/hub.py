"""A local web server that answers as the Hugging Face hub does to its client, for one repository."""

import hashlib
import http.server
import json
import threading
from pathlib import Path
from typing import Any

from huggingface_hub import constants


class Hub:
    """The hub, with a folder's files as one commit of the repository `name`.

    revisions: what else the commit is called. gated: whether it sends files only to `TOKEN`.
    """

    COMMIT, TOKEN = "0123456789abcdef0123456789abcdef01234567", "hf_known"

    def __init__(self, name: str, folder: Path, revisions: tuple[str, ...] = ("main",)) -> None:
        self.name, self.folder, self.revisions, self.gated = name, folder, (*revisions, self.COMMIT), False
        self.sent: list[str] = []  # names of the files
        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self.httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self.httpd.shutdown()
        self.httpd.server_close()

    def install(self, monkeypatch: Any, cache: Path) -> None:
        """Make the client of this process ask here, with an empty cache and no login."""
        url = f"http://127.0.0.1:{self.httpd.server_port}"
        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(cache / "token"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.delenv("HF_TOKEN", raising=False)

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                """Print nothing."""

            def do_HEAD(self) -> None:
                hub.answer(self)

            def do_GET(self) -> None:
                hub.answer(self)

        return Handler

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        path = handler.path.partition("?")[0]
        about, of_repository = f"/api/models/{self.name}", f"/{self.name}/resolve/"
        if not path.startswith((about, of_repository)):
            _send(handler, 404, error="RepoNotFound")
        elif path.startswith(about):
            kind, _, rest = path.removeprefix(about).strip("/").partition("/")
            known = not kind or rest.partition("/")[0] in self.revisions
            listed = [_entry(file) for file in sorted(self.folder.iterdir())]
            body = listed if kind == "tree" else {"id": self.name, "sha": self.COMMIT, "siblings": []}
            if known:
                _send(handler, 200, json.dumps(body).encode())
            else:
                _send(handler, 404, error="RevisionNotFound")
        elif self.gated and handler.headers["Authorization"] != f"Bearer {self.TOKEN}":
            _send(handler, 401, error="GatedRepo")
        else:
            file = self.folder / path.rpartition("/")[2]
            self.sent += [file.name] if handler.command == "GET" else []
            _send(handler, 200, file.read_bytes(), tag=_entry(file)["oid"])


def _entry(file: Path) -> dict[str, Any]:
    """Return what the hub lists of a file."""
    content = file.read_bytes()
    oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    return {"type": "file", "path": file.name, "size": len(content), "oid": oid}


def _send(
    handler: http.server.BaseHTTPRequestHandler, status: int, body: bytes = b"", error: str = "", tag: str = ""
) -> None:
    handler.send_response(status)
    for name, value in (("X-Error-Code", error), ("ETag", f'"{tag}"' if tag else ""), ("X-Repo-Commit", Hub.COMMIT)):
        if value:
            handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if handler.command == "GET":
        handler.wfile.write(body)
