"""Files of many videos: what is in them, read with the libraries of their users, and which video is where."""

import json
import tarfile

import duckdb
import h5py
import numpy as np
import pandas
import pyarrow.parquet as pq
import pytest
import webdataset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.sinks import part_lines, record

from utils.errors import RunError, UserError
from utils.sinks import numbered
from utils.sinks import parquet as parquet_format
from utils.sinks.formats import check_kind, merge, remove_outdated
from utils.sinks.readback import OutputReader, is_readable, read_outputs
from utils.sinks.record import Record
from utils.sinks.staging import remove_staged, tidy_staging
from utils.storage.folder import LocalFolder, folder_at

KINDS = ["save_h5", "save_parquet", "save_webdataset"]
NUMBERED = {"save_parquet": ".parquet", "save_webdataset": ".tar"}


def bound(kind, folder, records, taken=frozenset()):
    lines = part_lines(kind, folder, records)
    new = merge(kind, folder, lines, taken)
    remove_staged(folder, lines)
    return new


def videos(n=3, **options):
    return [record(f"a/clip{i}", seed=i, n_windows=i + 1, **options) for i in range(n)]


def samples(path):
    """Return what the webdataset library makes of a tar, arrays decoded."""
    return list(webdataset.WebDataset(f"file:{path}", shardshuffle=False, empty_check=False).decode())


def test_h5_has_a_group_per_video_in_its_folders(tmp_path):
    folder, clips = LocalFolder(tmp_path), videos(meta={"split": "train"})
    bound("save_h5", folder, clips[:2])
    bound("save_h5", folder, clips[2:])
    with h5py.File(tmp_path / "features.h5") as file:
        assert list(file["a"]) == ["clip0", "clip1", "clip2"]
        group = file["a/clip2"]
        np.testing.assert_array_equal(group["rgb"], clips[2].arrays["rgb"])
        np.testing.assert_array_equal(group["timestamps_ms"], clips[2].arrays["timestamps_ms"])
        np.testing.assert_array_equal(group["end_s"], clips[2].end_s)
        assert group["rgb"].dtype == np.float32
        assert (group["fps"][()], group.attrs["fps"], group.attrs["status"]) == (25, 25, "done")
        assert (group.attrs["id"], group.attrs["source"]) == ("a/clip2", "videos/clip.mp4")
        assert json.loads(group.attrs["facts"]) == {"clip_length": 2}
        assert json.loads(group.attrs["meta"]) == {"split": "train"}


def test_h5_replaces_a_video_that_is_extracted_again(tmp_path):
    folder = LocalFolder(tmp_path)
    bound("save_h5", folder, [record("clip", keys=("old", "rgb")), record("clip/inner", seed=5)])
    (new,) = bound("save_h5", folder, [record("clip", seed=1, n_windows=7)])
    with h5py.File(tmp_path / "features.h5") as file:
        assert set(file["clip"]) == {"rgb", "fps", "timestamps_ms", "start_s", "end_s", "inner"}
        assert file["clip/rgb"].shape == (7, 4)
        np.testing.assert_array_equal(file["clip/inner/rgb"], record(seed=5).arrays["rgb"])
    assert is_readable(folder, new["outputs"])


def test_h5_keeps_videos_apart_whose_names_meet(tmp_path):
    folder = LocalFolder(tmp_path)
    names = ["clip/rgb", "clip", "clip/rgb/rgb", "x", "x/rgb", "x/rgb/y", ".", "..", "./.", "ü\udcff", "a//b", "a\0b"]
    clips = [record(name, seed=seed) for seed, name in enumerate(names)]
    lines = bound("save_h5", folder, clips[:4]) + bound("save_h5", folder, clips[4:])
    assert len({new["outputs"][0]["place"] for new in lines}) == len(names)
    for clip, new in zip(clips, lines, strict=True):
        np.testing.assert_array_equal(read_outputs(folder, new["outputs"])["rgb"], clip.arrays["rgb"])


def test_h5_writes_large_arrays_in_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("utils.sinks.staging.BLOCK_BYTES", 100)
    folder, clip = LocalFolder(tmp_path), record(n_windows=50)
    (new,) = bound("save_h5", folder, [clip])
    np.testing.assert_array_equal(read_outputs(folder, new["outputs"])["rgb"], clip.arrays["rgb"])


def test_a_damaged_h5_file_is_replaced(tmp_path, caplog):
    folder = LocalFolder(tmp_path)
    (old,) = bound("save_h5", folder, [record("old")])
    path = tmp_path / "features.h5"
    path.write_bytes(path.read_bytes()[:-100])
    assert not is_readable(folder, old["outputs"])
    (new,) = bound("save_h5", folder, [record("new")])
    assert "features.h5 is damaged" in caplog.text
    assert (is_readable(folder, new["outputs"]), is_readable(folder, old["outputs"])) == (True, False)


def test_parquet_has_a_row_per_window(tmp_path):
    clips = videos(meta={"split": "train"})
    bound("save_parquet", LocalFolder(tmp_path), clips)
    path = tmp_path / "features-000000.parquet"
    table = pq.read_table(path)
    assert str(table.schema.field("embedding").type) == "fixed_size_list<element: float>[4]"
    assert table.column_names == ["id", "name", "window_index", "start_s", "end_s", "fps", "meta", "embedding"]
    frame = pandas.read_parquet(path)
    assert frame["id"].tolist() == ["a/clip0"] + ["a/clip1"] * 2 + ["a/clip2"] * 3
    assert frame["window_index"].tolist() == [0, 0, 1, 0, 1, 2]
    assert (frame["start_s"].tolist(), frame["end_s"].tolist()) == ([0, 0, 1, 0, 1, 2], [2, 2, 3, 2, 3, 4])
    assert json.loads(frame["meta"][0]) == {"split": "train"}
    rows = np.concatenate([clip.arrays["rgb"] for clip in clips])
    np.testing.assert_array_equal(np.stack(frame["embedding"]), rows)
    query = f"SELECT embedding FROM '{path}' WHERE id = 'a/clip2' AND start_s >= 1 ORDER BY window_index"
    found = duckdb.sql(query).fetchall()
    np.testing.assert_array_equal(np.array(found, np.float32)[:, 0], clips[2].arrays["rgb"][1:])


def test_parquet_has_columns_for_several_outputs(tmp_path):
    (clip,) = videos(1, keys=("rgb", "flow"))
    (new,) = bound("save_parquet", LocalFolder(tmp_path), [clip])
    frame = pandas.read_parquet(tmp_path / "features-000000.parquet")
    np.testing.assert_array_equal(np.stack(frame["flow"]), clip.arrays["flow"])
    arrays = read_outputs(LocalFolder(tmp_path), new["outputs"])
    assert arrays.keys() == {"rgb", "flow"}
    np.testing.assert_array_equal(arrays["rgb"], clip.arrays["rgb"])


@pytest.mark.parametrize(
    ("shape", "dtype", "rows", "start_s"),
    [
        ((2, 3, 4), np.float32, {"window_index": [0, 0, 0, 1, 1, 1], "crop": [0, 1, 2] * 2}, [0, 0, 0, 1, 1, 1]),
        ((4,), np.float32, {"window_index": [0]}, [0]),
        ((2, 4), np.uint8, {"window_index": [0, 1]}, [0, 1]),
        ((2, 4), np.float16, {"window_index": [0, 1]}, [0, 1]),
    ],
)
def test_parquet_takes_every_shape_of_vectors(tmp_path, shape, dtype, rows, start_s):
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    clip = Record(record().ref, {"x": values}, ["x"], {}, np.array([0.0, 1.0]), np.array([1.0, 2.5]))
    (new,) = bound("save_parquet", LocalFolder(tmp_path), [clip])
    frame = pq.read_table(tmp_path / "features-000000.parquet")
    assert {name: frame[name].to_pylist() for name in rows} == rows
    assert ("crop" in frame.column_names) == ("crop" in rows)
    assert frame["start_s"].to_pylist() == start_s
    assert frame["end_s"].to_pylist()[-1] == 2.5
    np.testing.assert_array_equal(read_outputs(LocalFolder(tmp_path), new["outputs"])["x"], values, strict=True)


def test_parquet_has_no_times_for_rows_that_are_no_windows(tmp_path):
    clip = Record(record().ref, {"x": np.zeros(4, np.float32)}, ["x"])
    bound("save_parquet", LocalFolder(tmp_path), [clip])
    table = pq.read_table(tmp_path / "features-000000.parquet")
    assert (table["start_s"].to_pylist(), table["end_s"].to_pylist(), table["meta"].to_pylist()) == ([None],) * 3


def test_parquet_keeps_sizes_apart(tmp_path):
    clips = [record(f"clip{i}", size=size, seed=i) for i, size in enumerate((4, 5, 4))]
    lines = bound("save_parquet", LocalFolder(tmp_path), clips)
    files = {new["name"]: new["outputs"][0]["file"] for new in lines}
    assert files["clip0"] == files["clip2"] != files["clip1"]
    for clip, new in zip(sorted(clips, key=lambda clip: clip.arrays["rgb"].shape), lines, strict=True):
        np.testing.assert_array_equal(read_outputs(LocalFolder(tmp_path), new["outputs"])["rgb"], clip.arrays["rgb"])


def test_parquet_row_groups_are_limited(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_format, "GROUP_BYTES", 1000)
    clips = [*videos(6), record("long", n_windows=70)]
    lines = bound("save_parquet", LocalFolder(tmp_path), clips)
    assert pq.ParquetFile(tmp_path / "features-000000.parquet").num_row_groups > 4
    outputs = OutputReader(LocalFolder(tmp_path))
    for clip, new in zip(clips, lines, strict=True):
        np.testing.assert_array_equal(outputs.read(new["outputs"])["rgb"], clip.arrays["rgb"])


@pytest.mark.parametrize("kind", ["save_parquet", "save_shards"])
def test_flow_fields_are_refused_where_rows_hold_vectors(kind):
    check_kind(kind, "slowonly", {"slowonly": "[clips, crops, 2048]"})
    check_kind("save_h5", "raft", {"raft": "[frames - 1, 2, H, W]"})
    with pytest.raises(UserError, match=r"raft gives maps \[frames - 1, 2, H, W\]"):
        check_kind(kind, "raft", {"raft": "[frames - 1, 2, H, W]"})


def test_webdataset_reads_its_samples(tmp_path):
    clips = videos(meta={"split": "train"})
    bound("save_webdataset", LocalFolder(tmp_path), clips)
    found = samples(tmp_path / "features-000000.tar")
    assert [sample["__key__"] for sample in found] == ["a/clip0", "a/clip1", "a/clip2"]
    for clip, sample in zip(clips, found, strict=True):
        np.testing.assert_array_equal(sample["rgb.npy"], clip.arrays["rgb"], strict=True)
        np.testing.assert_array_equal(sample["end_s.npy"], clip.end_s)
        assert (sample["json"]["id"], sample["json"]["meta"]) == (clip.ref.id, {"split": "train"})
        assert (sample["json"]["features"], sample["json"]["facts"]) == (["rgb"], {"clip_length": 2})


def test_webdataset_keeps_names_with_dots_apart(tmp_path):
    names = [
        "a.b",
        "a_b",
        "a.c",
        ".hidden",
        "__meta__/x",
        "v1.0/clip",
        "c.d.e",
        "C.d.e",
        "new\nline/x",
        "../x",
        "a/./x",
    ]
    clips = [record(name, seed=seed) for seed, name in enumerate(names)]
    bound("save_webdataset", LocalFolder(tmp_path), clips)
    found = {sample["json"]["name"]: sample for sample in samples(tmp_path / "features-000000.tar")}
    assert list(found) == names
    for clip in clips:
        np.testing.assert_array_equal(found[clip.ref.name]["rgb.npy"], clip.arrays["rgb"])
    with tarfile.open(tmp_path / "features-000000.tar") as tar:
        assert not [name for name in tar.getnames() if ".." in name.split("/") or name.startswith("/")]


def test_equal_features_make_equal_tars(tmp_path):
    for name in ("one", "two"):
        bound("save_webdataset", LocalFolder(tmp_path / name), videos())
    assert (tmp_path / "one/features-000000.tar").read_bytes() == (tmp_path / "two/features-000000.tar").read_bytes()


@pytest.mark.parametrize("kind", NUMBERED)
def test_files_are_split_and_numbered_on(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(numbered, "FILE_VIDEOS", 2)
    folder = LocalFolder(tmp_path)
    first = bound(kind, folder, videos(3))
    files = [new["outputs"][0]["file"] for new in first]
    assert files == [f"features-00000{i}{NUMBERED[kind]}" for i in (0, 0, 1)]
    (tmp_path / f"features-000007{NUMBERED[kind]}").write_bytes(b"of a run that was killed")
    (new,) = bound(kind, folder, [record("new")], {"features-000001" + NUMBERED[kind], files[0]})
    assert new["outputs"][0]["file"] == f"features-000002{NUMBERED[kind]}"
    assert sorted(path.name for path in tmp_path.glob("features*")) == sorted({*files, new["outputs"][0]["file"]})


@pytest.mark.parametrize("kind", NUMBERED)
def test_a_file_takes_a_limited_number_of_bytes(tmp_path, monkeypatch, kind):
    folder = LocalFolder(tmp_path)
    lines = part_lines(kind, folder, videos(4))
    monkeypatch.setattr(numbered, "FILE_BYTES", lines[0]["outputs"][0]["bytes"] + lines[1]["outputs"][0]["bytes"])
    assert len({new["outputs"][0]["file"] for new in merge(kind, folder, lines, set())}) == 3


@pytest.mark.parametrize("kind", NUMBERED)
def test_outdated_rows_and_files_are_removed(tmp_path, kind):
    folder = LocalFolder(tmp_path)
    old = bound(kind, folder, videos(3))
    again = bound(kind, folder, [record("a/clip1", seed=9)], {old[0]["outputs"][0]["file"]})
    file = old[0]["outputs"][0]["file"]
    taken = {file, again[0]["outputs"][0]["file"]}
    for _ in range(2):  # the second time there is nothing to remove
        remove_outdated(kind, folder, taken, {file: [old[1]["outputs"][0]["place"]]})
        outputs = OutputReader(folder)
        assert (outputs.is_readable(old[0]["outputs"]), outputs.is_readable(old[2]["outputs"])) == (True, True)
        with pytest.raises(RunError):
            outputs.read(old[1]["outputs"])
        np.testing.assert_array_equal(outputs.read(old[2]["outputs"])["rgb"], videos(3)[2].arrays["rgb"])
        assert outputs.is_readable(again[0]["outputs"])
    remove_outdated(kind, folder, taken, {file: [line["outputs"][0]["place"] for line in old]})
    assert not (tmp_path / file).exists()
    remove_outdated(kind, folder, set(), {})
    assert not list(tmp_path.glob("features*"))


@pytest.mark.parametrize("where", ["local", "memory"])
@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_read_back_and_opened_once(tmp_path, kind, where, monkeypatch):
    folder = LocalFolder(tmp_path) if where == "local" else folder_at(f"memory://bound-{kind}")
    clips = videos(keys=("rgb", "flow"))
    lines = bound(kind, folder, clips[:2])
    taken = {line["outputs"][0]["file"] for line in lines}
    lines += bound(kind, folder, clips[2:], taken)
    opened, really_open = [], type(folder).open
    monkeypatch.setattr(type(folder), "open", lambda self, name: opened.append(name) or really_open(self, name))
    outputs = OutputReader(folder)
    for _ in range(3):
        assert all(outputs.is_readable(line["outputs"]) for line in lines)
    assert len(opened) == len({line["outputs"][0]["file"] for line in lines})
    for clip, new in zip(clips, lines, strict=True):
        arrays = outputs.read(new["outputs"])
        for key in clip.features:
            np.testing.assert_array_equal(arrays[key], clip.arrays[key], strict=True)
    assert not list(folder.names(".featmill/parts/"))


@pytest.mark.parametrize("damage", ["remove", "cut", "empty", "garbage"])
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_found(tmp_path, kind, damage):
    folder = LocalFolder(tmp_path)
    lines = bound(kind, folder, videos())
    path = tmp_path / lines[0]["outputs"][0]["file"]
    data = path.read_bytes()
    if damage == "remove":
        path.unlink()
    else:
        path.write_bytes({"cut": data[: len(data) // 2], "empty": b"", "garbage": b"x" * len(data)}[damage])
    outputs = OutputReader(folder)
    assert not any(outputs.is_readable(line["outputs"]) for line in lines)


@pytest.mark.parametrize("kind", KINDS)
def test_a_video_that_is_not_in_the_file_is_missed(tmp_path, kind):
    folder = LocalFolder(tmp_path)
    (new,) = bound(kind, folder, videos(1))
    output = new["outputs"][0] | {"place": "another", "bytes": 1}
    assert not is_readable(folder, [output])


def test_nothing_is_left_of_parts(tmp_path):
    folder = LocalFolder(tmp_path)
    bound("save_h5", folder, videos())
    tidy_staging(folder)
    folder.tidy()
    assert [path.name for path in tmp_path.iterdir()] == ["features.h5"]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
NAMES = st.lists(st.text(min_size=1, max_size=8).filter(lambda text: "\0" not in text), min_size=1, max_size=3).map(
    "/".join
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    named=st.lists(
        st.tuples(NAMES, st.text(max_size=9)), min_size=1, max_size=4, unique_by=(lambda x: x[0], lambda x: x[1])
    ),
    meta=st.dictionaries(st.text(max_size=5), JSON, max_size=2),
    n_windows=st.integers(1, 3),
)
@pytest.mark.parametrize("kind", KINDS)
def test_any_name_and_metadata_survives(tmp_path_factory, kind, named, meta, n_windows):
    path = tmp_path_factory.mktemp("any")
    folder = LocalFolder(path)
    clips = [record(name, video_id, n_windows, seed, meta=meta) for seed, (name, video_id) in enumerate(named)]
    lines = json.loads(json.dumps(bound(kind, folder, clips)))  # as the manifest keeps them
    outputs = OutputReader(folder)
    for clip, new in zip(clips, lines, strict=True):
        assert outputs.is_readable(new["outputs"])
        np.testing.assert_array_equal(outputs.read(new["outputs"])["rgb"], clip.arrays["rgb"], strict=True)
    read = {"save_h5": read_h5, "save_parquet": read_parquet, "save_webdataset": read_tar}[kind](path)
    assert len(read) == len(clips)
    known = {video_id: found for video_id, *found in read}
    for clip in clips:
        name, rows, about = known[clip.ref.id.replace("\0", "\\x00")]
        assert (name, about) == (clip.ref.name, meta)
        np.testing.assert_array_equal(rows, clip.arrays["rgb"])


def read_h5(path):
    found = []

    def visit(_name, node):
        if "id" in node.attrs:
            found.append((node.attrs["id"], node.attrs["name"], node["rgb"][()], json.loads(node.attrs["meta"])))

    with h5py.File(path / "features.h5") as file:
        file.visititems(visit)
    return found


def read_parquet(path):
    frame = pandas.read_parquet(path / "features-000000.parquet").fillna({"meta": "{}"})
    return [
        (video_id, rows["name"].iloc[0], np.stack(rows["embedding"]), json.loads(rows["meta"].iloc[0]))
        for video_id, rows in frame.groupby("id")
    ]


def read_tar(path):
    found = []
    for sample in samples(path / "features-000000.tar"):
        about = sample["json"]
        found.append((about["id"].replace("\0", "\\x00"), about["name"], sample["rgb.npy"], about["meta"]))
    return found
