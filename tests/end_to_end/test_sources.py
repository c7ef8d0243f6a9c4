"""Every kind of source through main.py: what is extracted from it is what is extracted from plain files."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet
from support.media import moving_frames, write_clip
from support.program import TINY_PROGRAM, manifest, run, unfinished
from support.sources import http_server, s3_client, s3_server, tar_bytes, write_shard

pytestmark = pytest.mark.bits  # of one run against another

LENGTHS = {"a": 5, "b": 9, "c": 14}  # frames at 25 fps


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")
    return {name: write_clip(folder / f"{name}.mp4", moving_frames(n, seed=n)) for name, n in LENGTHS.items()}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, clips: dict[str, Path]) -> dict[str, np.ndarray]:
    """Return the features of the clips as plain files."""
    output = tmp_path_factory.mktemp("plain")
    lines = extract(output, "--video_paths", *clips.values())
    assert {line["status"] for line in lines.values()} == {"done"}
    return {name: feature(output, name) for name in clips}


def extract(output: Path, *source: Any, env: dict[str, str] | None = None, code: int = 0) -> dict[str, Any]:
    """Run on a source, and return the manifest lines by output name."""
    flags = ("--feature_type", "tiny", "--device", "cpu", "--on_extraction", "save_numpy", "--output_path", output)
    done = run(*flags, *source, program=TINY_PROGRAM, env=env)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert not unfinished(output)
    return manifest(output / "tiny")


def feature(output: Path, name: str) -> np.ndarray:
    """Return the saved feature of a video."""
    return np.load(output / "tiny" / f"{name}_tiny.npy")


def members(clips: dict[str, Path]) -> dict[str, bytes]:
    """Return the clips as members of a tar."""
    return {f"{name}.mp4": path.read_bytes() for name, path in clips.items()}


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_segments_of_a_list(tmp_path, clips, expected, suffix):
    path = tmp_path / f"list{suffix}"
    rows = [
        {"id": None, "path": "c.mp4", "start_s": None, "end_s": None, "label": "all"},
        {"id": "x/first", "path": "c.mp4", "start_s": 0.0, "end_s": 0.2, "label": "start"},
        {"id": None, "path": "c.mp4", "start_s": 0.32, "end_s": 99.0, "label": "rest"},
        {"id": None, "path": "b.mp4", "start_s": 3.0, "end_s": 1.0, "label": "backwards"},
    ]
    table = pa.Table.from_pylist(rows)
    if suffix == ".parquet":
        parquet.write_table(table, path)
    elif suffix == ".csv":
        csv.write_csv(table, path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = ("--video_list", path, "--video_root", clips["a"].parent)
    (tmp_path / "out" / "tiny").mkdir(parents=True)
    corrected = {"id": f"{path}, line 2", "status": "failed", "name": "list.line2"}  # since an earlier run
    (tmp_path / "out" / "tiny" / "manifest.jsonl").write_text(json.dumps(corrected) + "\n")
    lines = extract(tmp_path / "out", *source, code=1)
    assert {name: line["status"] for name, line in lines.items()} == {
        "c": "done",
        "x/first": "done",
        "c_0.32_99": "done",
        f"list.line{5 if suffix == '.csv' else 4}": "failed",
        "list.line2": "cleared",
    }
    np.testing.assert_array_equal(feature(tmp_path / "out", "c"), expected["c"])
    np.testing.assert_array_equal(feature(tmp_path / "out", "x/first"), expected["c"][:5])
    np.testing.assert_array_equal(feature(tmp_path / "out", "c_0.32_99"), expected["c"][8:])
    assert lines["x/first"]["meta"] == {"label": "start"}
    assert lines["x/first"]["id"] == "x/first"


def test_shards_and_files_in_one_command_and_again(tmp_path, clips, expected):
    data = members(clips)
    metadata = [{"filename": "a.mp4", "id": "A", "segment": [2, 12]}, {"filename": "gone.mp4"}]
    write_shard(tmp_path / "shard-000000.tar", {"a.json": b'{"n": 5}', "a.mp4": data["a.mp4"]}, metadata)
    (tmp_path / "shard-000001.json").write_text("[]")  # without a tar
    (tmp_path / "shard-000002.tar").write_bytes(gzip.compress(tar_bytes({"sub/b.mp4": data["b.mp4"]})))
    (tmp_path / "shard-000003.tar").write_bytes(tar_bytes(data)[: -(len(data["c.mp4"]) // 2 + 10240)])
    source = ("--video_paths", clips["c"], "--tar_path", tmp_path / "shard-{000000..000003}.tar")
    lines = extract(tmp_path / "out", *source, code=1)
    assert {name: line["status"] for name, line in lines.items()} == {
        "c": "done",
        "shard-000000/a": "done",
        "shard-000000/gone": "failed",
        "shard-000001": "skipped",
        "shard-000002/sub/b": "done",
        "shard-000003/a": "done",
        "shard-000003/b": "done",
        "shard-000003": "failed",
    }
    for name in ("shard-000000/a", "shard-000002/sub/b", "shard-000003/a", "shard-000003/b", "c"):
        np.testing.assert_array_equal(feature(tmp_path / "out", name), expected[name[-1]])
    assert lines["shard-000000/a"]["meta"] == {**metadata[0], "json": {"n": 5}}
    assert lines["shard-000000/a"]["shard"] == "shard-000000"
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.npy")}
    extract(tmp_path / "out", *source, code=1)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.npy")} == stamps


def test_a_data_set_without_network(tmp_path, clips, expected):
    data = members(clips)
    (tmp_path / "data").mkdir()
    table = pa.table({"video_id": list(clips), "video": list(data.values())})
    parquet.write_table(table, tmp_path / "data" / "train.parquet")
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
    lines = extract(tmp_path / "out", "--hf_dataset", tmp_path / "data", env=offline)
    assert {line["id"] for line in lines.values()} == set(clips)
    for name, array in expected.items():
        np.testing.assert_array_equal(feature(tmp_path / "out", name), array)


@pytest.mark.parametrize("ranges", [True, False])
def test_over_http(tmp_path, clips, expected, ranges):
    served = tmp_path / "served"
    write_shard(served / "s.tar", {"b.mp4": clips["b"].read_bytes()}, [{"filename": "b.mp4", "id": "B"}])
    (served / "a.mp4").write_bytes(clips["a"].read_bytes())
    with http_server(served, ranges=ranges) as address:
        url = address.replace("//", "//user:secret@")
        lines = extract(
            tmp_path / "out", "--video_paths", f"{address}/a.mp4?token=secret", "--tar_path", f"{url}/s.tar"
        )
    np.testing.assert_array_equal(feature(tmp_path / "out", "a"), expected["a"])
    np.testing.assert_array_equal(feature(tmp_path / "out", "s/b"), expected["b"])
    assert lines["s/b"]["meta"]["id"] == "B"
    written = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*.json*"))
    assert written
    assert b"secret" not in written


def test_in_s3(tmp_path, clips, expected):
    with s3_server() as environment:
        client = s3_client(environment)
        client.put_object(Bucket="bucket", Key="videos/x/a.mp4", Body=clips["a"].read_bytes())
        client.put_object(Bucket="bucket", Key="s-0.tar", Body=tar_bytes({"b.mp4": clips["b"].read_bytes()}))
        source = ("--input_dir", "s3://bucket/videos", "--tar_path", "s3://bucket/s-*.tar")
        lines = extract(tmp_path / "out", *source, env=os.environ | environment)
    assert {name: line["status"] for name, line in lines.items()} == {"x/a": "done", "s-0/b": "done"}
    np.testing.assert_array_equal(feature(tmp_path / "out", "x/a"), expected["a"])
    np.testing.assert_array_equal(feature(tmp_path / "out", "s-0/b"), expected["b"])
