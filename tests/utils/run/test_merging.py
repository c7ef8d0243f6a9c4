"""A process that is killed while it merges: the next one finds all that it needs, and nothing is there twice."""

import pickle
import tarfile
import uuid
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest
from support.sinks import Dying, Killed, line, make_sink, merge, record, staged_lines

from utils.run import merge_journal
from utils.run.merging import FileMerger
from utils.run.output_state import OutputState
from utils.sinks import manifest_line
from utils.sinks.acav import acav_names, merge_shards
from utils.sinks.formats import FORMATS
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.readback import OutputReader
from utils.sinks.staging import is_staged, remove_staged
from utils.state.claims import Claims
from utils.state.manifest import Latest, Manifest
from utils.storage.folder import LocalFolder, folder_at

KINDS = ["save_h5", "save_parquet", "save_webdataset", "save_shards"]


def merge_any(kind, folder, lines, taken):
    if kind == "save_shards":
        names = {"slowfast": acav_names("slowfast")}
        return merge_shards(folder, "shard-0", {"slowfast": (folder, lines)}, names)["slowfast"]
    return merge(kind, folder, lines, taken)


def merge_as_the_run_does(kind, folder, latest):
    """Merge, note the new lines in `latest`, which stands for the manifest, and remove the staged files."""
    lines = [line for line in latest.values() if is_staged(line.outputs[0])]
    taken = {line.outputs[0].file for line in latest.values()}
    new = merge_any(kind, folder, lines, taken)
    folder.append("manifest", b"\n")
    latest.update({line.id: line for line in new})
    remove_staged(folder, [output for line in lines for output in line.outputs])


def clip(i, kind):
    return record(f"clip{i}", seed=i, n_windows=1 if kind == "save_shards" else i + 1)


@pytest.mark.parametrize("kind", KINDS)
def test_every_video_is_merged_once_wherever_the_process_dies(tmp_path, kind, monkeypatch):
    monkeypatch.setattr("utils.sinks.numbered.FILE_VIDEOS", 2)
    monkeypatch.setattr("utils.sinks.h5.in_child", lambda function, *arguments: function(*arguments))  # quicker
    for calls in range(40):
        path, latest = tmp_path / str(calls), {}
        extract(path, latest, kind, range(2))
        merge_as_the_run_does(kind, LocalFolder(path), latest)
        extract(path, latest, kind, range(2, 5))
        try:
            merge_as_the_run_does(kind, Dying(path, calls), latest)
        except Killed:
            extract(path, latest, kind, range(5, 6))
            merge_as_the_run_does(kind, LocalFolder(path), latest)
            check(path, latest, kind)
        else:
            check(path, latest, kind)
            assert calls > 3
            return
    raise AssertionError("it never got to the end")


def extract(path, latest, kind, numbers):
    latest |= {line.id: line for line in staged_lines(kind, LocalFolder(path), [clip(i, kind) for i in numbers])}


def check(path, latest, kind):
    outputs = OutputReader(LocalFolder(path), LocalFolder(path))
    for i in range(len(latest)):
        rows, found = clip(i, kind).arrays["rgb"], latest[f"clip{i}"].outputs
        assert outputs.is_readable(found)
        np.testing.assert_array_equal(outputs.read(found)["rgb"], rows[0] if kind == "save_shards" else rows)
    files = [file for file in path.iterdir() if file.suffix in (".h5", ".parquet", ".tar", ".pkl")]
    assert {file.name for file in files} == {line.outputs[0].file.removeprefix("../") for line in latest.values()}
    assert sorted(name for file in files for name in names_in(file)) == sorted(latest)


def names_in(path):
    """Return the videos of a file, as often as they are in it."""
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            return list(file)
    if path.suffix == ".pkl":
        return [row["filename"] for row in pickle.loads(path.read_bytes())]
    if path.suffix == ".tar":
        with tarfile.open(path) as tar:
            return [name.removesuffix(".json") for name in tar.getnames() if name.endswith(".json")]
    table = pq.read_table(path)
    return [
        name
        for name, window in zip(table["id"].to_pylist(), table["window_index"].to_pylist(), strict=True)
        if window == 0
    ]


@pytest.mark.parametrize("place", ["disk", "memory"])
def test_what_a_killed_run_began_to_commit_is_older_than_the_next_runs_features(tmp_path, monkeypatch, place):
    folder = folder_at(str(tmp_path) if place == "disk" else f"memory://{uuid.uuid4().hex}/out")
    monkeypatch.setattr(merge_journal, "recover", kill)
    with pytest.raises(Killed):
        run_once(folder, clip(1, "save_parquet"))
    monkeypatch.undo()
    monkeypatch.setattr(manifest_line, "time", SimpleNamespace(strftime=lambda _: "1999-01-01T00:00:00+0000"))
    run_once(folder, record("clip1", seed=7))  # the video has changed, and the clock was set back
    line = latest_line(folder, "clip1")
    np.testing.assert_array_equal(OutputReader(folder).read(line.outputs)["rgb"], record(seed=7).arrays["rgb"])


def test_a_group_whose_id_has_changed_is_replaced_under_its_name(tmp_path):
    folder, path = LocalFolder(tmp_path), tmp_path / "features.h5"
    videos = [record(name, f"videos/{name}.mp4", seed=seed) for seed, name in enumerate(["one", "one/more", "two"])]
    run_once(folder, *videos, kind="save_h5")
    path.write_bytes(path.read_bytes().replace(b"videos/one.mp4", b"videos/onE.mp4"))
    lines = {line.id: line for line in Latest(folder)}
    assert [OutputReader(folder).is_readable(lines[video.ref.id].outputs) for video in videos] == [False, True, True]
    run_once(folder, videos[0], kind="save_h5")
    with cast(Any, h5py.File(path)) as file:
        assert (list(file), "more" in file["one"]) == (["one", "two"], True)
    lines = {line.id: line for line in Latest(folder)}
    for video in videos:
        assert lines[video.ref.id].outputs[0].place == video.ref.name
        found = OutputReader(folder).read(lines[video.ref.id].outputs)
        np.testing.assert_array_equal(found["rgb"], video.arrays["rgb"])


@pytest.mark.parametrize("journal", [b"[" * 100_000, b"{}", b"[]", b'{"line": {"id": 3}, "staged": []}\n'])
def test_a_damaged_journal_is_removed_and_its_videos_are_merged_again(tmp_path, monkeypatch, caplog, journal):
    folder, video = LocalFolder(tmp_path), clip(1, "save_parquet")
    monkeypatch.setattr(merge_journal, "recover", kill)
    with pytest.raises(Killed):
        run_once(folder, video)
    monkeypatch.undo()
    (tmp_path / merge_journal.JOURNAL).write_bytes(journal)
    run_once(folder)
    assert "merge.jsonl is damaged" in caplog.text
    line = latest_line(folder, "clip1")
    np.testing.assert_array_equal(OutputReader(folder).read(line.outputs)["rgb"], video.arrays["rgb"])
    assert not (tmp_path / merge_journal.JOURNAL).exists()


def latest_line(folder, identity: str) -> ManifestLine:
    found = Latest(folder).get(identity)
    assert found is not None
    return found


def kill(*_):
    raise Killed


def run_once(folder, *videos, kind="save_parquet"):
    """Extract videos and merge them, as a run does."""
    feature: Any = SimpleNamespace(feature_type="tiny")
    state = OutputState(feature, folder, Latest(folder), OutputReader(folder))
    with Claims(folder) as claims:
        merged = FORMATS[kind].merged
        assert merged is not None and merged.merge is not None
        merger = FileMerger(merged, merged.merge, [state], claims)
        merger.recover()
        for video in videos:
            before = state.latest.get(video.ref.id)
            assert before is None or not (is_staged(before.outputs[0]) or state.latest.is_new(video.ref.id))
            revision = 1 if before is None else before.revision + 1
            staged = line(video, make_sink(kind, folder).write(video), "tiny")
            Manifest(folder).append(replace(staged, revision=revision))
        merger.finish()
