"""A local web server that takes uploads as the Hugging Face hub does: repositories, LFS objects, commits."""

import base64
import hashlib
import http.server
import json
import threading
from typing import Any


class DatasetHub:
    """The hub. files, private: what commits have put into each data set, and its access. calls: of all requests."""

    TOKEN = "hf_" + "known"

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        self.private: dict[str, bool] = {}
        self.calls: list[str] = []
        self.commits: list[list[str]] = []
        self._objects: dict[str, bytes] = {}
        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.httpd.server_port}"
        threading.Thread(target=self.httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self.httpd.shutdown()
        self.httpd.server_close()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                """Print nothing."""

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = self.path.partition("?")[0]
                hub.calls.append(f"{self.command} {path}")
                is_known = self.headers.get("Authorization") == f"Bearer {hub.TOKEN}" or path.startswith("/object/")
                answer: Any = hub.answer(path, body) if is_known else None
                failure = {"error": "not found" if is_known else "invalid credentials"}
                data = json.dumps(failure if answer is None else answer).encode()
                self.send_response(401 if not is_known else 404 if answer is None else 200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = _answer  # noqa: N815 - the names that the library calls

        return Handler

    def answer(self, path: str, body: bytes) -> Any:
        """Return what the hub answers, None for what it does not know."""
        if path.startswith("/object/"):
            self._objects[path.rpartition("/")[2]] = body
            return {}
        if path == "/api/repos/create":
            about = json.loads(body)
            name = "/".join(filter(None, (about.get("organization"), about["name"])))
            self.files.setdefault(name, {})
            self.private.setdefault(name, about.get("private", about.get("visibility") == "private"))
            return {"url": f"{self.url}/datasets/{name}"}
        if path == "/api/validate-yaml":
            return {"errors": [], "warnings": []}
        if "/preupload/" in path:
            return {"files": [_mode(file) for file in json.loads(body)["files"]]}
        if path.endswith("/info/lfs/objects/batch"):
            found = json.loads(body)["objects"]
            return {"transfer": "basic", "objects": [self._place(each) for each in found]}
        if "/commit/" in path:
            name = path.removeprefix("/api/datasets/").partition("/commit/")[0]
            return self._commit(name, [json.loads(line) for line in body.splitlines()])
        return None

    def _place(self, wanted: dict[str, Any]) -> dict[str, Any]:
        href = {"href": f"{self.url}/object/{wanted['oid']}"}
        return {**wanted, "authenticated": True, "actions": {"upload": href}}

    def _commit(self, name: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
        added: list[str] = []
        files = self.files[name]
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                data = self._objects[value["oid"]]
                assert hashlib.sha256(data).hexdigest() == value["oid"] and len(data) == value["size"]
                files[value["path"]] = data
            added += [value["path"]] if line["key"] != "header" else []
        self.commits.append(added)
        return {
            "commitUrl": f"{self.url}/datasets/{name}/commit/{'0' * 40}",
            "commitOid": "0" * 40,
            "pullRequestUrl": None,
        }


def _mode(file: dict[str, Any]) -> dict[str, Any]:
    is_text = file["path"].endswith((".md", ".json", ".jsonl"))
    return {"path": file["path"], "uploadMode": "regular" if is_text else "lfs", "shouldIgnore": False, "oid": None}
