"""What holds for all formats that keep many videos in one file."""

import dataclasses
import json
from typing import Any

import h5py
import numpy as np
import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.sinks import MERGED, merged, record, samples, videos

from models import MODELS
from models.transformers.config import TransformersConfig
from utils.config.run import RunConfig
from utils.errors import RunError, UserError
from utils.sinks.formats import FORMATS, check_dimensions
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.readback import OutputReader
from utils.storage.folder import LocalFolder

NUMBERED = {"save_parquet": ".parquet", "save_webdataset": ".tar"}


def test_the_flag_offers_every_format_of_the_table():
    (field,) = [field for field in dataclasses.fields(RunConfig) if field.name == "on_extraction"]
    assert field.metadata["choices"] == tuple(FORMATS)


@pytest.mark.parametrize("kind", ["save_parquet", "save_shards"])
def test_flow_fields_and_tokens_are_refused_where_rows_hold_vectors(kind):
    check_dimensions(kind, "slowonly", {"slowonly": "[clips, crops, 2048]"})
    check_dimensions("save_h5", "raft", {"raft": "[frames - 1, 2, H, W]"})
    with pytest.raises(UserError, match=r"raft gives arrays \[frames - 1, 2, H, W\] here: use save_numpy"):
        check_dimensions(kind, "raft", {"raft": "[frames - 1, 2, H, W]"})
    tokens = MODELS["transformers"].outputs_of(TransformersConfig("a/b", pool="tokens", layer=[1]))
    with pytest.raises(UserError, match=r"transformers gives arrays \[windows, tokens, D\]"):
        check_dimensions(kind, "transformers", tokens)
    check_dimensions(kind, "transformers", MODELS["transformers"].outputs_of(TransformersConfig("a/b")))


@pytest.mark.parametrize("kind", NUMBERED)
def test_outdated_rows_and_files_are_removed(tmp_path, kind):
    folder = LocalFolder(tmp_path)
    old = merged(kind, folder, videos(3))
    again = merged(kind, folder, [record("a/clip1", seed=9)], {old[0].outputs[0].file})
    file = old[0].outputs[0].file
    taken = {file, again[0].outputs[0].file}
    places = [str(line.outputs[0].place) for line in old]
    merged_format = FORMATS[kind].merged
    assert merged_format is not None
    for _ in range(2):  # the second time there is nothing to remove
        merged_format.remove_outdated(folder, taken, {file: [places[1]]})
        outputs = OutputReader(folder)
        assert (outputs.is_readable(old[0].outputs), outputs.is_readable(old[2].outputs)) == (True, True)
        with pytest.raises(RunError):
            outputs.read(old[1].outputs)
        np.testing.assert_array_equal(outputs.read(old[2].outputs)["rgb"], videos(3)[2].arrays["rgb"])
        assert outputs.is_readable(again[0].outputs)
    merged_format.remove_outdated(folder, taken, {file: places})
    assert not (tmp_path / file).exists()
    merged_format.remove_outdated(folder, set(), {})
    assert not list(tmp_path.glob("features*"))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
NAMES = st.lists(st.text(min_size=1, max_size=8).filter(lambda text: "\0" not in text), min_size=1, max_size=3).map(
    "/".join
)


@pytest.fixture
def merged_here(monkeypatch):
    """HDF5 files are written in this process: a child for each example takes longer than all else."""
    monkeypatch.setattr("utils.sinks.h5.in_child", lambda function, *arguments: function(*arguments))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    named=st.lists(
        st.tuples(NAMES, st.text(max_size=9)), min_size=1, max_size=4, unique_by=(lambda x: x[0], lambda x: x[1])
    ),
    meta=st.dictionaries(st.text(max_size=5), JSON, max_size=2),
    n_windows=st.integers(1, 3),
)
@pytest.mark.parametrize("kind", MERGED)
@pytest.mark.usefixtures("merged_here")
def test_any_name_and_metadata_survives(tmp_path_factory, kind, named, meta, n_windows):
    path = tmp_path_factory.mktemp("any")
    folder = LocalFolder(path)
    clips = [record(name, video_id, n_windows, seed, meta=meta) for seed, (name, video_id) in enumerate(named)]
    kept = json.loads(json.dumps([line.to_json() for line in merged(kind, folder, clips)]))
    lines = list(map(ManifestLine.from_json, kept))
    outputs = OutputReader(folder)
    for clip, new in zip(clips, lines, strict=True):
        assert new is not None
        assert outputs.is_readable(new.outputs)
        np.testing.assert_array_equal(outputs.read(new.outputs)["rgb"], clip.arrays["rgb"], strict=True)
    readers = {"save_h5": read_h5, "save_parquet": read_parquet, "save_webdataset": read_tar, "save_lance": read_lance}
    read = readers[kind](path)
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
    return rows_by_video(pandas.read_parquet(path / "features-000000.parquet"))


def read_lance(path):
    import lance  # pyright: ignore[reportMissingImports]  # an extra

    return rows_by_video(lance.dataset(path / "features.lance").to_table().to_pandas())


def rows_by_video(frame: Any):
    return [
        (video_id, rows["name"].iloc[0], np.stack(rows["embedding"]), json.loads(rows["meta"].iloc[0]))
        for video_id, rows in frame.fillna({"meta": "{}"}).groupby("id")
    ]


def read_tar(path):
    found = []
    for sample in samples(path / "features-000000.tar"):
        about = sample["json"]
        found.append((about["id"].replace("\0", "\\x00"), about["name"], sample["rgb.npy"], about["meta"]))
    return found
