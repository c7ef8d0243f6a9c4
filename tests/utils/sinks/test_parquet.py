"""Parquet files, read with the libraries of their users: a row per window."""

import json
from typing import Any, cast

import duckdb
import numpy as np
import pandas
import pyarrow.parquet as pq
import pytest
from support.sinks import merged, read_outputs, record, videos

from utils.sinks import parquet as parquet_format
from utils.sinks.readback import OutputReader
from utils.sinks.record import Record
from utils.storage.folder import LocalFolder


def test_parquet_has_a_row_per_window(tmp_path):
    clips = videos(meta={"split": "train"})
    merged("save_parquet", LocalFolder(tmp_path), clips)
    path = tmp_path / "features-000000.parquet"
    table = pq.read_table(path)
    assert str(table.schema.field("embedding").type) == "fixed_size_list<element: float>[4]"
    assert table.column_names == ["id", "name", "window_index", "start_s", "end_s", "fps", "meta", "embedding"]
    frame: Any = pandas.read_parquet(path)
    assert frame["id"].tolist() == ["a/clip0"] + ["a/clip1"] * 2 + ["a/clip2"] * 3
    assert frame["window_index"].tolist() == [0, 0, 1, 0, 1, 2]
    assert (frame["start_s"].tolist(), frame["end_s"].tolist()) == ([0, 0, 1, 0, 1, 2], [2, 2, 3, 2, 3, 4])
    assert json.loads(frame["meta"][0]) == {"split": "train"}
    rows = np.concatenate([clip.arrays["rgb"] for clip in clips])
    np.testing.assert_array_equal(np.stack(frame["embedding"]), rows)
    query = f"SELECT embedding FROM '{path}' WHERE id = 'a/clip2' AND start_s >= 1 ORDER BY window_index"
    found = cast(Any, duckdb.sql(query)).fetchall()
    np.testing.assert_array_equal(np.array(found, np.float32)[:, 0], clips[2].arrays["rgb"][1:])


def test_parquet_has_columns_for_several_outputs(tmp_path):
    (clip,) = videos(1, keys=("rgb", "flow"))
    (new,) = merged("save_parquet", LocalFolder(tmp_path), [clip])
    frame: Any = pandas.read_parquet(tmp_path / "features-000000.parquet")
    np.testing.assert_array_equal(np.stack(frame["flow"]), clip.arrays["flow"])
    arrays = read_outputs(LocalFolder(tmp_path), new.outputs)
    assert arrays.keys() == {"rgb", "flow", "start_s", "end_s", "timestamps_ms"}
    assert arrays["end_s"].tolist() == [2.0] and arrays["timestamps_ms"].tolist() == [2000.0]
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
    (new,) = merged("save_parquet", LocalFolder(tmp_path), [clip])
    frame = pq.read_table(tmp_path / "features-000000.parquet")
    assert {name: frame[name].to_pylist() for name in rows} == rows
    assert ("crop" in frame.column_names) == ("crop" in rows)
    assert frame["start_s"].to_pylist() == start_s
    assert frame["end_s"].to_pylist()[-1] == 2.5
    np.testing.assert_array_equal(read_outputs(LocalFolder(tmp_path), new.outputs)["x"], values, strict=True)


def test_parquet_has_no_times_for_rows_that_are_no_windows(tmp_path):
    clip = Record(record().ref, {"x": np.zeros(4, np.float32)}, ["x"])
    merged("save_parquet", LocalFolder(tmp_path), [clip])
    table = pq.read_table(tmp_path / "features-000000.parquet")
    assert (table["start_s"].to_pylist(), table["end_s"].to_pylist(), table["meta"].to_pylist()) == ([None],) * 3


def test_parquet_keeps_sizes_apart(tmp_path):
    clips = [record(f"clip{i}", size=size, seed=i) for i, size in enumerate((4, 5, 4))]
    lines = merged("save_parquet", LocalFolder(tmp_path), clips)
    files = {new.name: new.outputs[0].file for new in lines}
    assert files["clip0"] == files["clip2"] != files["clip1"]
    for clip, new in zip(sorted(clips, key=lambda clip: clip.arrays["rgb"].shape), lines, strict=True):
        np.testing.assert_array_equal(read_outputs(LocalFolder(tmp_path), new.outputs)["rgb"], clip.arrays["rgb"])


def test_parquet_row_groups_are_limited(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_format, "GROUP_BYTES", 1000)
    clips = [*videos(6), record("long", n_windows=70)]
    lines = merged("save_parquet", LocalFolder(tmp_path), clips)
    assert pq.ParquetFile(tmp_path / "features-000000.parquet").num_row_groups > 4
    outputs = OutputReader(LocalFolder(tmp_path))
    for clip, new in zip(clips, lines, strict=True):
        np.testing.assert_array_equal(outputs.read(new.outputs)["rgb"], clip.arrays["rgb"])
