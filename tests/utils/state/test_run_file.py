"""What a run leaves about itself."""

import json
import os
import time

import pytest

from utils.sinks.manifest_line import ManifestLine, RunStamp
from utils.state.manifest import Latest, Manifest
from utils.state.run_file import RunFile, record_of
from utils.storage import processes
from utils.storage.folder import folder_at


@pytest.fixture
def folder(tmp_path):
    folder = folder_at(str(tmp_path))
    folder.prepare()
    return folder


def test_the_file_says_what_was_run(folder, tmp_path):
    run = RunFile(["--video_paths", "https://me:secret@host/a b.mp4", "--stack_size", "24"])
    run.write(folder, "abc", {"stack_size": 24}, {"listed": 3})
    (path,) = tmp_path.glob("run-*.json")
    content = json.loads(path.read_text())
    assert content["run"] == run.id == path.stem.removeprefix("run-")
    assert run.id.endswith(f"-{processes.host()}-{os.getpid()}")
    assert content["command"].endswith(" --video_paths 'https://host/a b.mp4' --stack_size 24")
    assert (content["settings_hash"], content["settings"], content["listed"]) == ("abc", {"stack_size": 24}, 3)
    run.write(folder, "abc", {"stack_size": 24}, {"listed": 4})  # again, at its end
    assert json.loads(path.read_text())["listed"] == 4
    run.remove(folder)
    assert not path.exists()


def test_the_newest_record_with_these_settings_counts(folder, tmp_path):
    for name, content in (
        ("run-1", {"settings_hash": "s", "settings": {"n": 1}}),
        ("run-2", {"settings_hash": "s", "settings": {"n": 2}}),
        ("run-3", {"settings_hash": "t", "settings": {"n": 3}}),
        ("run-4", {"settings_hash": "s", "settings": 4}),
        ("run-5", ["s"]),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    (tmp_path / "run-6.json").write_bytes(b"{")
    assert record_of(folder, "s")["settings"] == {"n": 2}
    assert record_of(folder, "u") == {}


def test_the_log_lists_what_this_run_finished(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.7)
    run = RunFile()
    ours, theirs = RunStamp(run=run.id), RunStamp(run="another")
    lines = [
        ManifestLine(id="a", status="done", stamp=ours),
        ManifestLine(id="b", status="failed", stamp=ours),
        ManifestLine(id="c", status="done", stamp=theirs),
        *(ManifestLine(id=name, status="partial", shard="shard-7", stamp=ours) for name in ("d", "e")),
    ]
    Manifest(folder).append(*lines)
    run.write_log(folder, {"i3d": Latest(folder)})
    (path,) = tmp_path.glob("log_*.json")
    assert path.name == f"log_{processes.host()}_{os.getpid()}_1700000000.json"
    log = json.loads(path.read_text())
    assert (log["timestamp"], log["pid"]) == (1_700_000_000, os.getpid())
    assert (log["shards"], log["videos"]) == (["shard-7"], ["a"])
    assert time.mktime(time.strptime(log["time"], "%Y-%m-%d %H:%M:%S")) == 1_700_000_000
