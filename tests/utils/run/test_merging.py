"""A process that is killed while it merges: the next one finds all that it needs, and nothing is there twice."""

import pickle
import tarfile
import uuid
from contextlib import contextmanager
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


def merge_any(kind, folder, lines, others):
    if kind == "save_shards":
        names = {"slowfast": acav_names("slowfast")}
        return merge_shards(folder, "shard-0", {"slowfast": (folder, lines)}, names)["slowfast"]
    there = {line.outputs[0].file: line for line in others}
    merged = FORMATS[kind].merged
    assert merged is not None
    reopened = merged.reopened(there)
    return merge(kind, folder, lines, there.keys() - reopened, [o for o in others if o.outputs[0].file in reopened])


def merge_as_the_run_does(kind, folder, latest):
    """Merge, note the new lines in `latest`, which stands for the manifest, and remove the staged files."""
    lines = [line for line in latest.values() if is_staged(line.outputs[0])]
    new = merge_any(kind, folder, lines, [line for line in latest.values() if line not in lines])
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
    lines = staged_lines(kind, LocalFolder(path), [clip(i, kind) for i in numbers])
    latest |= {line.id: replace(line, position=i) for i, line in zip(numbers, lines, strict=True)}


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


@pytest.mark.parametrize("kind", ["save_h5", "save_parquet", "save_webdataset"])
def test_the_same_list_gives_the_same_bytes(tmp_path, monkeypatch, kind):
    monkeypatch.setattr("utils.sinks.numbered.FILE_VIDEOS", 3)
    monkeypatch.setattr("utils.sinks.h5.in_child", lambda function, *arguments: function(*arguments))  # quicker
    # Some names clash as groups, others have crops, another size, or rows of a whole video.
    clips = [record(name, seed=i, n_windows=i + 1) for i, name in enumerate(["e", "e/rgb", "d", "c", "b", "a", "x.y"])]
    if kind == "save_parquet":
        clips[1] = record("e/rgb", size=6, keys=("rgb", "flow"))
        clips[4].arrays["rgb"] = clips[4].arrays["rgb"].reshape(5, 2, 2)
        clips[5].arrays["rgb"] = clips[5].arrays["rgb"][0]
    whole, parts = LocalFolder(tmp_path / "whole"), LocalFolder(tmp_path / "parts")
    placed = {clip.ref.id: i for i, clip in enumerate(clips)}
    run_once(whole, *clips, kind=kind, placed=placed)
    for some in ([clips[2], clips[0]], [clips[5], clips[3]], [clips[6], clips[4], clips[1]]):  # interrupted twice
        run_once(parts, *some, kind=kind, placed=placed)
    names = sorted(path.name for path in (tmp_path / "whole").glob("features*"))
    assert names == sorted(path.name for path in (tmp_path / "parts").glob("features*"))
    assert [
        name for name in names if (tmp_path / "whole" / name).read_bytes() != (tmp_path / "parts" / name).read_bytes()
    ] == []
    lines = Latest(parts)
    for clip in clips:
        found = latest_line(parts, clip.ref.id).outputs
        assert OutputReader(parts, verify=True).is_readable(found)
        np.testing.assert_array_equal(OutputReader(parts).read(found)["rgb"], clip.arrays["rgb"])
    assert len(lines) == len(clips)


def test_a_long_run_merges_full_files_up_to_the_first_video_that_is_not_finished(tmp_path, monkeypatch):
    monkeypatch.setattr("utils.sinks.numbered.FILE_VIDEOS", 2)
    monkeypatch.setattr("utils.run.merging.EVERY_VIDEOS", 1)
    folder = LocalFolder(tmp_path)
    clips = [record(f"clip{i}", seed=i, position=i) for i in range(6)]
    with merger_on(folder, "save_parquet") as (merger, _):
        for clip in clips:
            merger.handed_out(clip.ref)
        seen = []
        for i in (1, 5, 2, 3, 0, 4):
            Manifest(folder).append(line(clips[i], make_sink("save_parquet", folder).write(clips[i]), "tiny"))
            merger.finished(clips[i].ref, ["done"])
            merger.merge_due()
            seen.append(len(list(tmp_path.glob("features*"))))
        assert seen == [0, 0, 0, 0, 1, 2]  # after clip 0: 0 and 1; after clip 4: 2 and 3, as 4 and 5 wait for the end
        merger.finish()
    found = [pq.read_table(tmp_path / f"features-00000{i}.parquet")["id"].unique().to_pylist() for i in range(3)]
    assert found == [["clip0", "clip1"], ["clip2", "clip3"], ["clip4", "clip5"]]


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


@contextmanager
def merger_on(folder, kind):
    """Yield what a run merges with, and what it knows."""
    feature: Any = SimpleNamespace(feature_type="tiny")
    merged = FORMATS[kind].merged
    assert merged is not None and merged.merge is not None
    with Claims(folder) as claims:
        state = OutputState(feature, folder, Latest(folder), OutputReader(folder))
        yield FileMerger(merged, merged.merge, [state], claims), state


def run_once(folder, *videos, kind="save_parquet", placed=None):
    """Extract videos and merge them, as a run does. placed: the place of each in the list, by id."""
    with merger_on(folder, kind) as (merger, state):
        merger.recover()
        for video in videos:
            before = state.latest.get(video.ref.id)
            assert before is None or not (is_staged(before.outputs[0]) or state.latest.is_new(video.ref.id))
            revision = 1 if before is None else before.revision + 1
            staged = line(video, make_sink(kind, folder).write(video), "tiny")
            position = placed[video.ref.id] if placed else 0
            Manifest(folder).append(replace(staged, revision=revision, position=position))
        merger.finish()
