"""Shards that are noted as finished."""

from types import SimpleNamespace
from typing import Any

import pytest
from support.sinks import line, make_sink, record

from utils.run.output_state import OutputState
from utils.run.shard_marks import FOLDER, is_finished, mark_finished
from utils.sinks.acav import acav_names, merge_shards
from utils.storage.folder import LocalFolder


def state(settings: str = "s", feature_type: str = "slowfast") -> OutputState:
    feature: Any = SimpleNamespace(feature_type=feature_type, stamp=SimpleNamespace(settings_hash=settings))
    unused: Any = None
    return OutputState(feature, unused, unused, unused)


@pytest.fixture
def shard(tmp_path):
    """Mark a shard as finished; return its tar and the folder of its results."""
    root, tar = LocalFolder(tmp_path / "out"), tmp_path / "shard-0.tar"
    root.prepare()
    tar.write_bytes(b"clips")
    folder = root.below("slowfast")
    of = record("clip", n_windows=1)
    lines = [line(of, make_sink("save_shards", folder).write(of))]
    names = {"slowfast": acav_names("slowfast")}
    merge_shards(root, "shard-0", {"slowfast": (folder, lines)}, names)
    assert not is_finished(root, str(tar), [state()], False)
    mark_finished(root, "shard-0", str(tar), [state()])
    return root, tar, tmp_path / "out"


@pytest.mark.parametrize("verify", [False, True])
def test_a_finished_shard_stays_so(shard, verify):
    root, tar, _ = shard
    assert is_finished(root, str(tar), [state()], verify)
    assert not is_finished(root, str(tar.with_name("shard-1.tar")), [state()], verify)
    assert not is_finished(root, str(tar), [state("other settings")], verify)
    assert not is_finished(root, str(tar), [state(), state("s", "vggish")], verify)


def test_other_bytes_are_not_finished(shard):
    root, tar, path = shard
    result = path / "shard-0.pkl"
    content = result.read_bytes()
    result.write_bytes(content + b"x")
    assert not is_finished(root, str(tar), [state()], False)
    result.write_bytes(content)
    tar.write_bytes(b"other clips")
    assert not is_finished(root, str(tar), [state()], False)


@pytest.mark.parametrize("mark", [b"", b"{", b"[]"])
def test_a_damaged_mark_counts_as_none(shard, mark):
    root, tar, path = shard
    (path / FOLDER / "shard-0.json").write_bytes(mark)
    assert not is_finished(root, str(tar), [state()], False)
