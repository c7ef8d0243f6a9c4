"""Published checkpoints: where they are looked for, how they are checked, and what users read if that fails."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.downloads import CONTENT, GIT_BLOB, SHA256, names, published

from main import main
from models.vggish.config import VGGishConfig
from utils.errors import RunError, UserError
from utils.weights.pretrained import Needed, Published
from utils.weights.store import cache_folder, fetch, is_downloaded, locate, sha256_of

ROOT = Path(__file__).parents[3]


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
def test_a_download_arrives_complete_and_is_not_repeated(server, tmp_path, checks):
    calls = []
    file = published(server.url, **checks)
    assert not is_downloaded(file)
    path = fetch(file, progress=lambda done, total: calls.append((done, total)))
    assert path == tmp_path / "cache" / "model.pth"
    assert path.read_bytes() == CONTENT
    assert names(path.parent) == ["model.pth"]
    assert calls[0] == (0, len(CONTENT)) and calls[-1] == (len(CONTENT), len(CONTENT))
    assert calls == sorted(calls) and len(calls) > 3
    assert is_downloaded(file) and fetch(file) == path and len(server.asked) == 1


def test_a_file_of_the_hub_comes_from_its_mirror(server, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", f"{server.url.rpartition('/')[0]}/")
    name = server.url.rpartition("/")[2]
    path = fetch(published(f"https://huggingface.co/{name}", sha256=SHA256))
    assert path.read_bytes() == CONTENT
    server.close()
    path.unlink()
    with pytest.raises(UserError, match=f"could not be downloaded from {server.url}"):
        fetch(published(f"https://huggingface.co/{name}", sha256=SHA256))


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
        "import sys; from utils.weights.store import fetch; from utils.weights.pretrained import Published\n"
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
    (folder / "model.pth").write_bytes(b"used unchecked")
    assert locate(file, None, str(folder)) == folder / "model.pth"
    named.write_bytes(b"used unchecked")
    assert locate(file, str(named), str(folder)) == named
    (tmp_path / "model.ckpt.index").write_bytes(b"")
    assert locate(file, str(tmp_path / "model.ckpt"), None) == tmp_path / "model.ckpt"
    assert len(server.asked) == 1 and is_downloaded(file, str(folder))


@pytest.mark.parametrize(("named", "folder"), [("absent.pth", None), (None, "absent")])
def test_a_given_file_or_folder_must_exist(server, named, folder):
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


class OneFile:
    """A feature type with one checkpoint, for `main.py weights fetch`."""

    def __init__(self, published):
        self.published = published

    def config_class(self):
        return VGGishConfig

    def files(self):
        return (self.published,)

    def needs(self, config):
        return {"net": Needed(self.published)}


def test_the_command_fetches_what_several_feature_types_use(server, tmp_path, capsys, monkeypatch):
    checks: dict[str, Any] = {"size": len(CONTENT), "sha256": SHA256}
    one, other = (OneFile(Published(name, server.url, "MIT", "a page", **checks)) for name in ("a.pth", "b.pth"))
    monkeypatch.setattr("models.MODELS", {"one": one, "other": other, "same": one})
    assert main(["weights", "fetch", "one", "other", "same", "--weights_dir", str(tmp_path)]) == 0
    assert [(tmp_path / name).read_bytes() == CONTENT for name in ("a.pth", "b.pth")] == [True, True]
    assert len(server.asked) == 2  # a file that two types use is fetched once
    shown = capsys.readouterr()
    assert shown.out.count("licence: MIT (a page)") == 2
    assert "downloading a.pth: 2.1 of 2.1 MB" in shown.err
    assert main(["weights", "fetch", "ones"]) == 2
    assert "did you mean one" in capsys.readouterr().err


def test_files_beside_a_model_are_found_where_other_extractors_put_them(server, tmp_path, monkeypatch):
    monkeypatch.setattr("utils.weights.store.MODELS", tmp_path / "models")
    placed = tmp_path / "models" / "vggish" / "checkpoints" / "model.pth"
    placed.parent.mkdir(parents=True)
    placed.write_bytes(CONTENT)
    assert is_downloaded(published(server.url))
    assert locate(published(server.url), None, None) == placed
    assert server.asked == []
    own = tmp_path / "weights" / "model.pth"
    own.parent.mkdir()
    own.write_bytes(CONTENT)
    assert locate(published(server.url), None, str(own.parent)) == own
