"""Hugging Face data sets from local folders, with videos in every form, without a network."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest
from pyarrow import parquet
from support.media import moving_frames, write_clip
from support.sources import refusal, write_shard

from utils.config.run import RunConfig
from utils.errors import UserError
from utils.sources.inputs import collect

ROOT = Path(__file__).parent.parent.parent.parent
PROGRAM = """\
import json, os, sys
from utils.config.run import RunConfig
from utils.errors import UserError
from utils.sources.inputs import collect
def videos(settings):
    try:
        inputs = collect(RunConfig(**settings))
    except UserError as error:
        return str(error)
    refs, listed = list(inputs.refs()), list(inputs.listed())
    assert [(ref.id, ref.name) for ref in refs] == [(ref.id, ref.name) for ref in listed]
    assert all(ref.data is None for ref in listed)
    assert inputs.total is None
    return [{"id": ref.id, "name": ref.name, "path": ref.path, "bytes": ref.data and len(ref.data),
             "meta": dict(ref.meta), "refused": ref.refused} for ref in refs]
print(json.dumps([videos(settings) for settings in json.loads(sys.argv[1])]))
assert not {"torch", "av", "torchcodec"} & set(sys.modules)
"""

MEMBERS = {"a.pth": b"neither read nor decoded", "a.npz": b"the same", "a.txt": b"hello"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", moving_frames(3))


def read(cache, *data_sets):
    """Return the videos of data sets as seen by a separate process, in offline mode."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(cache), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PROGRAM, json.dumps(data_sets)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_tables_with_videos_bytes_and_paths(tmp_path, cache, clip):
    from datasets import Dataset, Features, Value, Video

    data = clip.read_bytes()
    features = Features({"video_id": Value("string"), "label": Value("int64"), "clip": Video()})
    videos = [{"bytes": data, "path": "one.mp4"}, {"bytes": data[:100], "path": None}, None]
    rows = {"video_id": ["x", "y", "x"], "label": [1, 2, 3], "clip": videos}
    (tmp_path / "videos").mkdir()
    Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "videos" / "train-00000-of-00001.parquet")

    (tmp_path / "plain").mkdir()
    table = pa.table({"video": [data, data], "thumb": [b"1", b"2"], "name": ["n", None]})
    parquet.write_table(table, tmp_path / "plain" / "test.parquet")

    (tmp_path / "paths").mkdir()
    (tmp_path / "a.mp4").write_bytes(data)
    where = {"id": [7, 8, 9], "where": ["a.mp4", "s3://bucket/b.mp4", None]}
    parquet.write_table(pa.table(where), tmp_path / "paths" / "train.parquet")

    (tmp_path / "lines").mkdir()
    (tmp_path / "lines" / "train.jsonl").write_text('{"text": "hello", "file": "a.mp4"}\n')

    write_shard(tmp_path / "tars" / "train-0.tar", MEMBERS | {"a.mp4": data})

    videos, plain, paths, lines, tars, absent = read(
        cache,
        {"hf_dataset": str(tmp_path / "videos")},
        {"hf_dataset": str(tmp_path / "plain"), "hf_split": "test"},
        {"hf_dataset": str(tmp_path / "paths"), "video_root": str(tmp_path), "hf_video_column": "where"},
        {"hf_dataset": str(tmp_path / "lines"), "video_root": str(tmp_path)},
        {"hf_dataset": str(tmp_path / "tars")},
        {"hf_dataset": str(tmp_path / "absent")},
    )
    one, two, three = videos
    assert (one["id"], one["bytes"]) == ("x", len(data))
    assert one["meta"] == {"video_id": "x", "label": 1, "file": "one.mp4"}
    assert (two["id"], two["bytes"]) == ("y", 100)
    assert (three["id"], three["name"]) == ("x#2", "x_row2")
    assert "column clip has no video or sound" in three["refused"][1]
    assert (plain[0]["id"], plain[0]["bytes"], plain[0]["meta"]) == ("test_00000000", len(data), {"name": "n"})
    assert [(ref["id"], ref["path"]) for ref in paths[:2]] == [("7", f"{tmp_path}/a.mp4"), ("8", "s3://bucket/b.mp4")]
    assert paths[2]["refused"][0] == "failed"
    assert (lines[0]["path"], lines[0]["meta"]) == (str(tmp_path / "a.mp4"), {"text": "hello"})
    assert [(ref["bytes"], ref["meta"]["txt"]) for ref in tars] == [(len(data), "hello")]
    assert "absent: cannot be loaded" in absent


def test_a_folder_of_videos_with_metadata_and_without(tmp_path, cache, clip):
    for name in ("a.mp4", "sub/b.mp4"):
        (tmp_path / "plain" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "plain" / name).write_bytes(clip.read_bytes())
        (tmp_path / "listed" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "listed" / name).write_bytes(clip.read_bytes())
    (tmp_path / "listed" / "metadata.csv").write_text("file_name,id,text\na.mp4,first,hello\nsub/b.mp4,second,there\n")
    plain, found = read(cache, *({"hf_dataset": str(tmp_path / name)} for name in ("plain", "listed")))
    assert sorted(Path(ref["path"]).name for ref in plain) == ["a.mp4", "b.mp4"]
    assert [ref["id"] for ref in plain] == ["a", "b"]
    assert [(ref["id"], Path(ref["path"]).name, ref["meta"]["text"]) for ref in found] == [
        ("first", "a.mp4", "hello"),
        ("second", "b.mp4", "there"),
    ]
    assert all(Path(ref["path"]).is_file() and ref["bytes"] is None for ref in found)


def test_what_is_missing_is_named(tmp_path):
    parquet.write_table(pa.table({"label": [1], "title": ["x"]}), tmp_path / "train.parquet")
    for settings, words in (
        ({"hf_split": "trian"}, "choose from train .did you mean train?"),
        ({"hf_video_column": "titel"}, "columns are label, title .did you mean title?"),
        ({"hf_video_column": "label"}, "has neither videos, bytes nor paths"),
        ({}, "no column has videos"),
        ({"hf_config": "absent"}, "cannot be loaded .*absent"),
    ):
        with pytest.raises(UserError, match=words):
            collect(RunConfig(hf_dataset=str(tmp_path), **cast(Any, settings)))
    with pytest.raises(UserError, match="cannot be combined"):
        collect(RunConfig(hf_dataset=str(tmp_path), video_paths=["a.mp4"]))


def test_without_the_package_its_installation_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match="pip install datasets"):
        collect(RunConfig(hf_dataset=str(tmp_path)))


def test_a_data_set_of_the_hub_names_no_local_files(monkeypatch):
    from datasets import Dataset

    rows = ["/etc/x.mp4", "../x.mp4", "file:///etc/x.mp4", "in/x.mp4", "s3://b/x.mp4", "a\0.mp4"]
    splits = {"train": Dataset.from_dict({"path": rows}).to_iterable_dataset()}
    monkeypatch.setattr("datasets.load_dataset", lambda *_, **__: splits)
    found = list(collect(RunConfig(hf_dataset="someone/videos")).refs())
    assert [ref.path for ref in found if not ref.refused] == ["hf://datasets/someone/videos/in/x.mp4", "s3://b/x.mp4"]
    assert ["is not a file of the data set" in ref.refused[1] for ref in found if ref.refused] == [
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        (["a", "a", "a_row1"], [("a", "a"), ("a#1", "a_row1"), ("a_row1#2", "a_row1_row2")]),
        (["a_row2", "a", "a"], [("a_row2", "a_row2"), ("a", "a"), ("a#2_2", "a_row2_2")]),
        (["a", "a", "a#1"], [("a", "a"), ("a#1", "a_row1"), ("a#1#2", "a#1_row2")]),
    ],
)
def test_no_two_rows_share_an_id_or_a_name(monkeypatch, ids, found):
    from datasets import Dataset

    splits = {"train": Dataset.from_dict({"id": ids, "video": [b"1"] * 3}).to_iterable_dataset()}
    monkeypatch.setattr("datasets.load_dataset", lambda *_, **__: splits)
    assert [(ref.id, ref.name) for ref in collect(RunConfig(hf_dataset="someone/videos")).refs()] == found


def test_no_two_rows_share_a_name_where_case_counts_for_nothing(monkeypatch):
    from datasets import Dataset

    splits = {"train": Dataset.from_dict({"id": ["a", "A"], "video": [b"1"] * 2}).to_iterable_dataset()}
    monkeypatch.setattr("datasets.load_dataset", lambda *_, **__: splits)
    monkeypatch.setattr("utils.sources.inputs.same_names", lambda _path: str.casefold)  # as on a Mac
    inputs = collect(RunConfig(hf_dataset="someone/videos", on_extraction="save_numpy"))
    assert [(ref.id, ref.name) for ref in inputs.refs()] == [("a", "a"), ("A#1", "A_row1")]


def test_a_path_that_no_file_can_have_costs_no_other_row(tmp_path, monkeypatch):
    from datasets import Dataset

    (tmp_path / "x.mp4").touch()
    rows = ["x.mp4", f"{'a' * 300}.mp4", "y.mp4"]
    splits = {"train": Dataset.from_dict({"path": rows}).to_iterable_dataset()}
    monkeypatch.setattr("datasets.load_dataset", lambda *_, **__: splits)
    found = list(collect(RunConfig(hf_dataset=str(tmp_path))).refs())
    assert [ref.path for ref in found] == [f"{tmp_path}/x.mp4", *rows[1:]] and not any(ref.refused for ref in found)


def test_a_data_set_that_cannot_be_read_on_says_where(monkeypatch):
    from datasets import Dataset, IterableDataset

    def rows():
        yield {"id": "a", "video": b"1"}
        raise ConnectionError("https://user:secret@host/x is gone")

    features = Dataset.from_list([{"id": "a", "video": b"1"}]).features
    splits = {"train": IterableDataset.from_generator(rows, features=features)}
    monkeypatch.setattr("datasets.load_dataset", lambda *_, **__: splits)
    inputs = collect(RunConfig(hf_dataset="someone/videos"))
    good, broken = inputs.refs()
    assert good.data == b"1"
    assert "reading stops at row 1 (https://host/x is gone)" in refusal(broken)[1]
    assert (broken.id, list(inputs.read_well())) == ("someone/videos train", [])
