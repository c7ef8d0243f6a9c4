import hashlib
import http.server
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from models.vggish.config import VGGishConfig
from utils.commands.weights import fetch_weights
from utils.errors import RunError, UserError
from utils.weights import download as fetch_module
from utils.weights.pretrained import Needed, Published
from utils.weights.store import cache_folder, fetch, is_downloaded, locate, sha256_of

ROOT = Path(__file__).parents[3]
CONTENT = bytes(range(256)) * 8192  # 2 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()
GIT_BLOB = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()


class Server:
    """A web server on this machine that can be told to misbehave."""

    def __init__(self):
        self.content = CONTENT
        self.etag = '"one"'
        self.ranges = True  # whether it honours Range
        self.cuts = []  # for each coming answer: after how many bytes of the body the connection ends
        self.statuses = []  # for each coming answer: an error to give instead
        self.pause_s = 0.0  # before the body
        self.asked = []  # (path, Range, If-Range) of every request
        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self.httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.httpd.server_port}/model.pth"

    def close(self):
        self.httpd.shutdown()
        self.httpd.server_close()

    def _handler(self):
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                server.answer(self)

        return Handler

    def answer(self, handler):
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
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
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


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    monkeypatch.setattr(fetch_module, "BACKOFF_S", (0.01, 0.01))
    monkeypatch.setattr(fetch_module, "TIMEOUT_S", 0.5)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("FEATMILL_WEIGHTS", str(tmp_path / "cache"))


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


def published(url, **checks):
    return Published("model.pth", url, "MIT", "https://example.org/model", **checks)


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


@pytest.mark.parametrize(
    "checks",
    [
        {"sha256": SHA256, "size": len(CONTENT)},
        {"sha256": SHA256[:8]},
        {"git_blob": GIT_BLOB},
        {"size": len(CONTENT)},
        {},
    ],
    ids=["sha256", "prefix", "git blob", "size", "nothing known"],
)
def test_a_download_arrives_whole_and_is_not_repeated(server, tmp_path, checks):
    calls = []
    file = published(server.url, **checks)
    assert not is_downloaded(file)
    path = fetch(file, report=lambda done, total: calls.append((done, total)))
    assert path == tmp_path / "cache" / "model.pth"
    assert path.read_bytes() == CONTENT
    assert names(path.parent) == ["model.pth"]
    assert calls[0] == (0, len(CONTENT)) and calls[-1] == (len(CONTENT), len(CONTENT))
    assert calls == sorted(calls) and len(calls) > 3
    assert is_downloaded(file) and fetch(file) == path and len(server.asked) == 1


def test_a_cut_download_goes_on_where_it_stopped(server, tmp_path):
    server.cuts = [700_000, 300_000]
    calls = []
    path = fetch(published(server.url, sha256=SHA256), tmp_path, lambda *call: calls.append(call))
    assert path.read_bytes() == CONTENT
    assert [asked[1:] for asked in server.asked] == [
        (None, None),
        ("bytes=700000-", '"one"'),
        ("bytes=1000000-", '"one"'),
    ]
    assert (700_000, len(CONTENT)) in calls and calls == sorted(calls)


def test_a_later_run_goes_on_with_the_part_of_an_earlier_one(server, tmp_path):
    server.cuts = [1_000_000, 0, 0]
    with pytest.raises(UserError, match="connection ended after 1000000 of 2097152 bytes"):
        fetch(published(server.url), tmp_path)
    assert names(tmp_path) == ["model.pth.part", "model.pth.part.json"]
    server.asked.clear()
    assert fetch(published(server.url), tmp_path).read_bytes() == CONTENT
    assert [asked[1] for asked in server.asked] == ["bytes=1000000-"]
    assert names(tmp_path) == ["model.pth"]


def test_a_part_that_is_already_whole_is_only_checked(server, tmp_path):
    (tmp_path / "model.pth.part").write_bytes(CONTENT)
    (tmp_path / "model.pth.part.json").write_text(f'{{"url": "{server.url}", "validator": "\\"one\\""}}')
    assert fetch(published(server.url, sha256=SHA256), tmp_path).read_bytes() == CONTENT
    assert len(server.asked) == 1


@pytest.mark.parametrize("change", ["ignores Range", "new version", "no validator", "new version unseen"])
def test_a_part_that_cannot_be_continued_is_started_over(server, tmp_path, change):
    """Also where the server gives no sign of a new version: then the checksum tells."""
    server.etag = None if change in ("no validator", "new version unseen") else '"one"'
    server.content, server.cuts = CONTENT[::-1], [1_000_000, 0, 0]
    with pytest.raises(UserError):
        fetch(published(server.url, sha256=SHA256), tmp_path)
    server.content = CONTENT
    server.ranges = change != "ignores Range"
    server.etag = '"two"' if change == "new version" else server.etag
    checks = {} if change == "no validator" else {"sha256": SHA256}
    assert fetch(published(server.url, **checks), tmp_path).read_bytes() == CONTENT
    assert server.asked[-1][1] == (None if server.etag is None else "bytes=1000000-")


@pytest.mark.parametrize(
    "checks", [{"sha256": SHA256}, {"sha256": SHA256[:8]}, {"git_blob": GIT_BLOB}, {"size": len(CONTENT)}]
)
def test_a_wrong_file_is_refused_and_nothing_stays(server, tmp_path, checks):
    server.content = b"an error page"
    with pytest.raises(RunError, match=f"expected .*{next(iter(checks.values()))}.*, found") as caught:
        fetch(published(server.url, **checks), tmp_path)
    found = {
        "sha256": hashlib.sha256(server.content).hexdigest(),
        "git_blob": hashlib.sha1(b"blob 13\0" + server.content).hexdigest(),
        "size": "13",
    }
    assert found[next(iter(checks))] in str(caught.value)
    assert names(tmp_path) == []


def test_passing_troubles_are_tried_again_and_others_are_not(server, tmp_path):
    server.statuses = [503, 429]
    assert fetch(published(server.url, sha256=SHA256), tmp_path).read_bytes() == CONTENT
    assert len(server.asked) == 3
    server.statuses = [404]
    with pytest.raises(UserError, match="404 Not Found"):
        fetch(published(server.url), tmp_path / "other")
    assert len(server.asked) == 4


def test_a_server_that_never_sends_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch_module, "TIMEOUT_S", 0.1)
    server.pause_s = 2.0
    start = time.monotonic()
    with pytest.raises(UserError, match="timed out"):
        fetch(published(server.url), tmp_path)
    assert time.monotonic() - start < 1.5


def test_redirects_are_followed_but_not_away_from_encryption(server, tmp_path):
    moved = server.url.replace("model", "moved")
    assert fetch(published(moved, sha256=SHA256), tmp_path).read_bytes() == CONTENT
    with pytest.raises(fetch_module.UnreachableError, match="not encrypted"):
        request = fetch_module.urllib.request.Request("https://example.org/model.pth")
        fetch_module._SafeRedirects().redirect_request(request, None, 302, "", {}, "http://example.org/")


def test_without_a_network_the_message_says_what_to_do(server, tmp_path):
    server.close()
    with pytest.raises(UserError) as caught:
        fetch(published(server.url), tmp_path)
    for hint in (
        server.url,
        "--weights_dir",
        str(tmp_path / "model.pth"),
        "weights fetch",
        "--weights random",
    ):
        assert hint in str(caught.value)


def test_two_processes_download_once(server, tmp_path):
    server.pause_s = 0.3  # the first is still at it when the second asks
    code = (
        "import sys; from utils.weights.store import fetch; from utils.weights.pretrained import Needed, Published\n"
        "fetch(Published('model.pth', sys.argv[1], 'MIT', 'x', sha256=sys.argv[2]), sys.argv[3])"
    )
    command = [sys.executable, "-c", code, server.url, SHA256, str(tmp_path)]
    running = [subprocess.Popen(command, cwd=ROOT, env=dict(os.environ)) for _ in range(2)]
    assert [process.wait(timeout=30) for process in running] == [0, 0]
    assert (tmp_path / "model.pth").read_bytes() == CONTENT
    assert [asked[1] for asked in server.asked] == [None]


def test_a_file_url_and_a_folder_that_cannot_be_made(tmp_path):
    origin = tmp_path / "origin.pth"
    origin.write_bytes(CONTENT)
    file = published(origin.as_uri(), sha256=SHA256)
    assert fetch(file, tmp_path / "cache").read_bytes() == CONTENT
    with pytest.raises(RunError, match="FEATMILL_WEIGHTS"):
        fetch(file, origin / "folder")
    with pytest.raises(UserError, match="absent"):
        fetch(published((tmp_path / "absent").as_uri()), tmp_path)


def test_locate_prefers_the_flag_then_the_folder_then_the_cache(server, tmp_path):
    file = published(server.url, sha256=SHA256)
    named, folder = tmp_path / "mine.pth", tmp_path / "folder"
    folder.mkdir()
    assert locate(file, None, str(folder)) == cache_folder() / "model.pth"
    assert len(server.asked) == 1
    (folder / "model.pth").write_bytes(b"used as it is")
    assert locate(file, None, str(folder)) == folder / "model.pth"
    named.write_bytes(b"used as it is")
    assert locate(file, str(named), str(folder)) == named
    (tmp_path / "model.ckpt.index").write_bytes(b"")
    assert locate(file, str(tmp_path / "model.ckpt"), None) == tmp_path / "model.ckpt"
    assert len(server.asked) == 1 and is_downloaded(file, str(folder))


@pytest.mark.parametrize(("named", "folder"), [("absent.pth", None), (None, "absent")])
def test_a_named_file_or_folder_must_exist(server, named, folder):
    with pytest.raises(UserError, match=r"absent.*: no such"):
        locate(published(server.url), named, folder)
    assert not server.asked


def test_the_cache_folder_is_the_platforms_unless_named(monkeypatch, tmp_path):
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("FEATMILL_WEIGHTS")
    assert cache_folder().parts[-2:] == ("featmill", "weights")


def test_sha256_of_a_file_and_of_a_tensorflow_prefix(tmp_path):
    (tmp_path / "model.pth").write_bytes(CONTENT)
    assert sha256_of(tmp_path / "model.pth") == SHA256
    for suffix, content in (("index", b"a"), ("data-00000-of-00002", b"b"), ("data-00001-of-00002", b"c")):
        (tmp_path / f"m[1].ckpt.{suffix}").write_bytes(content)
    assert sha256_of(tmp_path / "m[1].ckpt") == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize(
    "change", [{"name": "a/b"}, {"url": "ftp://example.org/a"}, {"sha256": "xyz"}, {"git_blob": ""}]
)
def test_a_table_with_a_slip_is_refused(change):
    fields = {"name": "a", "url": "https://example.org/a", "licence": "MIT", "source": "x"}
    with pytest.raises(ValueError):
        Published(**{**fields, **change})


class OneFile:
    """A feature type with one checkpoint, as `main.py weights fetch` sees it."""

    def __init__(self, published):
        self.published = published

    def config_class(self):
        return VGGishConfig

    def files(self):
        return (self.published,)

    def needs(self, config):
        return {"net": Needed(self.published)}


def test_the_command_fetches_what_a_feature_type_uses(server, tmp_path, capsys):
    file = Published("model.pth", server.url, "MIT", "a page", size=len(CONTENT), sha256=SHA256)
    assert fetch_weights(["fetch", "one", "--weights_dir", str(tmp_path)], {"one": OneFile(file)}) == 0
    assert (tmp_path / "model.pth").read_bytes() == CONTENT
    shown = capsys.readouterr()
    assert "licence: MIT (a page)" in shown.out
    assert "downloading model.pth: 2.1 of 2.1 MB" in shown.err
    with pytest.raises(UserError, match="did you mean one"):
        fetch_weights(["fetch", "ones"], {"one": OneFile(file)})
