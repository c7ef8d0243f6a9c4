"""Downloads from a server that drops connections, changes its file, refuses or hangs."""

import time

import pytest
from support.downloads import CONTENT, SHA256, names, published

from utils.errors import UserError
from utils.weights import download
from utils.weights.store import fetch


def test_an_interrupted_download_resumes(server, tmp_path):
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


def test_a_later_run_resumes_the_download_of_an_earlier_one(server, tmp_path):
    server.cuts = [1_000_000, 0, 0]
    with pytest.raises(UserError, match="connection ended after 1000000 of 2097152 bytes"):
        fetch(published(server.url), tmp_path)
    assert names(tmp_path) == ["model.pth.part", "model.pth.part.json"]
    server.asked.clear()
    assert fetch(published(server.url), tmp_path).read_bytes() == CONTENT
    assert [asked[1] for asked in server.asked] == ["bytes=1000000-"]
    assert names(tmp_path) == ["model.pth"]


def test_a_partial_file_that_is_complete_is_only_checked(server, tmp_path):
    (tmp_path / "model.pth.part").write_bytes(CONTENT)
    (tmp_path / "model.pth.part.json").write_text(f'{{"url": "{server.url}", "validator": "\\"one\\""}}')
    assert fetch(published(server.url, sha256=SHA256), tmp_path).read_bytes() == CONTENT
    assert len(server.asked) == 1


@pytest.mark.parametrize("change", ["ignores Range", "new version", "no validator", "new version unseen"])
def test_a_download_that_cannot_resume_starts_over(server, tmp_path, change):
    """Also where the server does not announce a new version: the checksum tells."""
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


def test_passing_errors_are_retried_and_others_are_not(server, tmp_path):
    server.statuses = [503, 429]
    assert fetch(published(server.url, sha256=SHA256), tmp_path).read_bytes() == CONTENT
    assert len(server.asked) == 3
    server.statuses = [404]
    with pytest.raises(UserError, match="404 Not Found"):
        fetch(published(server.url), tmp_path / "other")
    assert len(server.asked) == 4


def test_a_server_that_never_sends_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT_S", 0.1)
    server.pause_s = 2.0
    start = time.monotonic()
    with pytest.raises(UserError, match="timed out"):
        fetch(published(server.url), tmp_path)
    assert time.monotonic() - start < 1.5


def test_redirects_are_followed_but_not_to_unencrypted_addresses(server, tmp_path):
    moved = server.url.replace("model", "moved")
    assert fetch(published(moved, sha256=SHA256), tmp_path).read_bytes() == CONTENT
    with pytest.raises(download.UnreachableError, match="not encrypted"):
        request = download.urllib.request.Request("https://example.org/model.pth")
        download._SafeRedirects().redirect_request(request, None, 302, "", {}, "http://example.org/")
