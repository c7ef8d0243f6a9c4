"""The manifest knows which videos need no work, however long it is and whoever wrote it."""

import json
import threading
import tracemalloc
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.sinks.manifest_line import ManifestLine, RunStamp, Status
from utils.sinks.output import Output
from utils.sources.name_template import NameTemplate, OutputNames
from utils.sources.ref import VideoRef
from utils.state.manifest import Latest, Manifest
from utils.storage import hash_index
from utils.storage.folder import folder_at
from utils.storage.remote import RemoteFolder

FIRST = {"stack_size": 64, "weights": {"i3d": "random"}}


def line(
    identity: str, status: Status = "done", time: str = "2026-01-01T00:00:00+0000", reason: str = "", **stamp: Any
) -> ManifestLine:
    return ManifestLine(id=identity, status=status, finished=time, reason=reason, stamp=RunStamp(**stamp))


def last(latest: Latest, identity: str) -> ManifestLine:
    found = latest.get(identity)
    assert found is not None
    return found


def process(manifest: Manifest) -> str:
    assert isinstance(manifest._folder, RemoteFolder)
    return manifest._folder._process


def test_the_last_line_of_a_video_counts(folder):
    manifest = Manifest(folder)
    manifest.append(line("a", "failed"), line("b"))
    manifest.append(line("a", time="2026-01-01T00:00:01+0000"))
    latest = manifest.latest()
    assert len(latest) == 2
    assert last(latest, "a").status == "done"
    assert latest.get("c") is None
    assert sorted(one.id for one in latest) == ["a", "b"]


def called(name: str, has_id: bool = False) -> VideoRef:
    return VideoRef("", name, "", has_id=has_id)


def test_a_name_is_what_the_run_that_asks_calls_outputs(folder):
    lines = [replace(line(id_), name=name) for id_, name in (("v/a/1.mp4", "a/1"), ("b/2", "b/2"), ("v/É.mp4", "É"))]
    Manifest(folder).append(*lines)

    def owners(text: str, *videos: VideoRef, same: Callable[[str], str] = str) -> list[str | None]:
        latest = Latest(folder, names=OutputNames(NameTemplate.of(text), same))
        return [getattr(latest.anew().owner(video), "id", None) for video in videos]

    assert owners("{relative}_{key}", called("c/1"), called("a/1")) == [None, "v/a/1.mp4"]
    assert owners("{stem}_{key}", called("c/1"), called("2"), called("3")) == ["v/a/1.mp4", "b/2", None]
    assert owners("x/{id}", called("c/1"), called("c/1", True), called("b/2", True)) == ["v/a/1.mp4", None, "b/2"]
    assert owners("{relative}", called("é"), called("A/1")) == [None, None]
    assert owners("{relative}", called("é"), called("A/1"), same=str.casefold) == ["v/É.mp4", "v/a/1.mp4"]


def test_a_name_is_owned_by_the_last_video_with_outputs_of_that_name(folder):
    named = replace(line("a", reason='"name": "x", \\"name\\": "y"'), name='clip "1" é')
    Manifest(folder).append(named, replace(line("b", "failed"), name=named.name), replace(line("c"), name="c"))
    latest = Latest(folder_at(str(folder)))
    assert [owner.id for name in (named.name, "c") if (owner := latest.owner(called(name)))] == ["a", "c"]
    assert [latest.owner(called(name)) for name in ("x", "y", "clip", "")] == [None] * 4
    later = "2026-01-01T00:00:01+0000"
    Manifest(folder_at(str(folder))).append(replace(line("b", time=later), name=named.name), line("c", "failed", later))
    latest.refresh()
    assert [getattr(latest.owner(called(name)), "id", None) for name in (named.name, "c")] == ["b", None]


def test_lines_written_since_are_told_apart(folder):
    manifest = Manifest(folder)
    manifest.append(line("a", "failed"))
    latest = manifest.latest()
    Manifest(folder_at(str(folder))).append(line("b"), line("a", time="2026-01-01T00:00:01+0000"))
    assert latest.get("b") is None
    latest.refresh()
    assert (latest.is_new("a"), latest.is_new("b"), latest.is_new("c")) == (True, True, False)
    assert not Latest(folder).is_new("a")


def test_what_another_run_did_in_an_empty_folder_is_new(folder):
    latest = Latest(folder)
    Manifest(folder).append(line("a"))
    latest.refresh()
    assert latest.is_new("a") and not latest.is_new("b")


def test_of_writers_at_an_address_the_later_counts():
    folder = folder_at(f"memory://{uuid.uuid4().hex}/out")
    writers = [Manifest(folder_at(str(folder))) for _ in range(2)]
    for i in range(6):
        writers[i % 2].append(line("a", reason=f"s{i}", time=f"2026-01-01T00:00:0{i}+0000"))
    assert last(Latest(folder), "a").reason == "s5"


def test_a_line_cut_short_is_left_out(tmp_path):
    folder = folder_at(str(tmp_path))
    Manifest(folder).append(line("a", "failed"))
    with (tmp_path / "manifest.jsonl").open("ab") as file:
        file.write(b'{"id": "b", "stat')
    Manifest(folder).append(line("a"))
    latest = Latest(folder)
    assert [one.status for one in latest] == ["done"]


ODD_LINES = [
    b"\n",
    b'{"id": "a", "status": "done"}\n',
    b'{"id": 3}\n',
    b'{"id": ' + b"[" * 10_000 + b"}\n",
    b'{"id": "a", "meta": ' + b"[" * 10_000 + b"}\n",
]


@given(st.lists(st.binary(max_size=60) | st.sampled_from(ODD_LINES)))
def test_any_bytes_are_no_obstacle(tmp_path_factory, pieces):
    folder = tmp_path_factory.mktemp("any")
    (folder / "manifest.jsonl").write_bytes(b"".join(pieces))
    latest = Latest(folder_at(str(folder)))
    assert all(isinstance(one, ManifestLine) for one in latest)
    assert latest.get("absent") is None


def test_many_writers_do_not_mix_their_lines(tmp_path):
    def write(writer):
        for i in range(50):
            Manifest(folder_at(str(tmp_path))).append(line(f"{writer}-{i}", reason="x" * 3000))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.id for one in Latest(folder_at(str(tmp_path)))} == {f"{w}-{i}" for w in range(4) for i in range(50)}


def test_a_long_manifest_takes_little_memory_and_keeps_its_order(tmp_path, monkeypatch):
    monkeypatch.setattr(hash_index, "RECENT", 1000)
    n_videos = 20_000
    order = np.random.default_rng(0).permutation(n_videos)
    with (tmp_path / "manifest.jsonl").open("w") as file:
        for status in ("failed", "done"):
            file.writelines(
                json.dumps(line(f"videos/{i}.mp4", status, reason="y" * 300).to_json()) + "\n" for i in order
            )
    tracemalloc.start()
    latest = Latest(folder_at(str(tmp_path)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 * n_videos
    assert len(latest) == n_videos
    assert last(latest, "videos/77.mp4").status == "done"
    assert [one.id for one in latest] == [f"videos/{i}.mp4" for i in order]


def test_an_older_staged_line_that_is_read_later_outdates_nothing():
    folder = folder_at(f"memory://{uuid.uuid4().hex}/out")
    staged = Output(".featmill/staging/aa/aa.npz", 1, {})
    merged = Output("features-000000.parquet", 1, {}, "a")
    first, second = (Manifest(folder_at(str(folder))) for _ in range(2))
    writers = sorted((first, second), key=process)
    writers[0].append(replace(line("a"), outputs=(merged,), revision=2))
    writers[1].append(replace(line("a"), outputs=(staged,), revision=1))
    latest = Latest(folder)
    assert last(latest, "a").outputs == (merged,)
    assert not latest.outdated and not latest.has_staged


LATER_THOUGH = {  # (revision, finished) of a line and of one that was written after it
    "its clock is a day behind": ((1, "2026-01-02T00:00:00+0000"), (2, "2026-01-01T00:00:00+0000")),
    "it is of a zone further west": ((0, "2026-01-01T10:00:00+0900"), (0, "2026-01-01T02:00:00+0000")),
    "summer time has ended": ((0, "2026-10-25T02:59:59+0200"), (0, "2026-10-25T02:00:00+0100")),
}


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("reason", LATER_THOUGH)
def test_at_an_address_the_later_line_counts_though(reason, swapped):
    folder = folder_at(f"memory://{uuid.uuid4().hex}/out")
    writers = [Manifest(folder_at(str(folder))) for _ in range(2)]
    writers.sort(key=process, reverse=swapped)
    (first, earlier), (second, later) = LATER_THOUGH[reason]
    watching = Latest(folder)
    writers[0].append(replace(line("a", "failed", earlier), revision=first))
    watching.refresh()
    writers[1].append(replace(line("a", "done", later), revision=second))
    watching.refresh()
    assert last(Latest(folder), "a").status == last(watching, "a").status == "done"


def test_a_line_with_a_damaged_revision_is_left_out():
    folder = folder_at(f"memory://{uuid.uuid4().hex}/out")
    writers = [Manifest(folder_at(str(folder))) for _ in range(2)]
    writers[0].append(replace(line("a"), revision="2"))
    writers[1].append(replace(line("a", "failed"), revision=1))
    assert last(Latest(folder), "a").status == "failed"
