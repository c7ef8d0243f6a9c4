"""Extraction as a function of batches, in the frameworks that call such functions."""

import logging
import os
import pickle

import numpy as np
import pandas
import pyarrow
import pytest
from support.program import ROOT, TINY_PROGRAM

import featmill
from featmill.map_batches import MapBatches

NEW = ["window_index", "start_s", "end_s", "status", "notes", "embedding"]
pytestmark = pytest.mark.filterwarnings("ignore:--weights random")


@pytest.fixture
def expected(tiny, clips):
    with featmill.Extractor(tiny) as extractor:
        return np.concatenate([extractor(clip)["tiny"] for clip in clips])


def batch_of(clips):
    return {"path": [str(clip) for clip in clips], "label": ["a", "b", "c"]}


@pytest.mark.parametrize("kind", [dict, pandas.DataFrame, pyarrow.table, pyarrow.RecordBatch.from_pydict])
def test_the_same_kind_of_batch_comes_back(tiny, clips, expected, kind):
    mapper = pickle.loads(pickle.dumps(MapBatches(tiny)))
    for _ in range(2):
        found = mapper(kind(batch_of(clips)))
        assert type(found) is type(kind({}))
        table = pandas.DataFrame(found) if kind is dict else found if kind is pandas.DataFrame else found.to_pandas()
        assert list(table) == ["path", "label", *NEW] and len(table) == 60 + 27 + 12
        np.testing.assert_array_equal(np.stack(table.embedding), expected)
        assert table.window_index[60 + 3] == 3 and table.start_s[60 + 3] == 0.12 and table.label[60 + 3] == "b"
    assert pickle.loads(pickle.dumps(mapper)) is not None  # networks stay where they are


def test_batches_may_come_from_an_iterator_as_spark_passes_them(tiny, clips):
    frames = MapBatches(tiny)(iter([pandas.DataFrame(batch_of(clips)).iloc[[1]], pandas.DataFrame({"path": []})]))
    assert [len(frame) for frame in frames] == [27, 0]


def test_segments_bytes_and_failures(tiny, clips):
    columns = {
        "video": [str(clips[0]), {"bytes": clips[2].read_bytes(), "path": None}, "absent.mp4"],
        "start_s": [1.0, None, None],
    }
    found = MapBatches(tiny, column="video")(columns)
    assert found["status"] == ["done"] * (35 + 12) + ["failed"]
    assert found["embedding"][-1] is None and "absent.mp4: no such file" in found["notes"][-1]
    assert found["start_s"][0] == 1.0 and found["start_s"][35] == 0
    with pytest.raises(featmill.VideoError, match="absent"):
        MapBatches(tiny, column="video", errors="raise")(columns)


def test_empty_cells_of_a_data_frame_are_absent(tiny, clips):
    table = pandas.DataFrame(
        {
            "path": [str(clips[0]), str(clips[2]), np.nan, str(clips[2])],
            "start_s": pandas.array([1.0, None, None, None], "Float64"),
            "end_s": [np.nan, 0.4, np.nan, pandas.NaT],
        }
    )
    found = MapBatches(tiny)(table)
    assert found.status.tolist() == ["done"] * (35 + 10) + ["failed"] + ["done"] * 12
    assert "no path" in found.notes[45] and found.start_s[0] == 1.0


def test_embeddings_of_several_axes_become_nested_lists(clips):
    mapper = MapBatches("resnet", model_name="resnet18", weights="random", crop_type="3-crop", extraction_total=1)
    found = mapper({"path": np.array([str(clips[2]), "absent.mp4"]), "boxes": np.zeros((2, 1, 4))})
    assert found.schema.field("embedding").type == pyarrow.list_(pyarrow.list_(pyarrow.float32()))
    assert np.shape(found["embedding"][0].as_py()) == (3, 512) and found["embedding"][1].as_py() is None


def test_wrong_requests(tiny, clips):
    for wrong, words in (
        (lambda: MapBatches(tiny, errors="drop"), "errors is 'drop'"),
        (lambda: MapBatches(tiny, column="file")(batch_of(clips)), "no column 'file', only path, label"),
        (lambda: MapBatches(tiny, key="rgb")({"path": [str(clips[2])]}), "tiny gives tiny: name one of them"),
        (lambda: MapBatches(tiny)([1]), "a batch is a list"),
        (
            lambda: MapBatches(tiny)({"path": str(clips[2])}),
            "column 'path' is a str, not a list: give batches, not rows",
        ),
        (lambda: MapBatches(tiny)({"path": [str(clips[2])], "label": 3}), "column 'label' is a int, not a list"),
        (lambda: MapBatches("i3e"), "no feature type 'i3e' (did you mean i3d?)"),
        (lambda: MapBatches("resnet", columns="video"), "resnet has no argument columns"),
        (lambda: MapBatches("resnet", batch_size=0), "--batch_size is 0"),
        (lambda: MapBatches("resnet", model_name="resnet19"), "--model_name is 'resnet19'"),
        (lambda: MapBatches(tiny, device="gpu"), "device is 'gpu'"),
    ):
        with pytest.raises(featmill.UserError) as caught:
            wrong()
        assert words in str(caught.value)
    assert MapBatches("resnet", device="cuda:7", weights_dir="/of/other/machines") is not None


def test_hugging_face_datasets(tiny, clips, expected):
    import datasets

    rows = datasets.Dataset.from_dict(batch_of(clips))
    found = rows.map(
        MapBatches(tiny), batched=True, batch_size=2, remove_columns=rows.column_names, load_from_cache_file=False
    )
    np.testing.assert_array_equal(np.array(found["embedding"], np.float32), expected)
    assert found["label"][:60] == ["a"] * 60


def test_ray_data(clips, monkeypatch):
    import ray
    import ray.data

    flags = {"model_name": "resnet18", "weights": "random", "extraction_total": 2}
    path = os.pathsep.join(map(str, (ROOT, TINY_PROGRAM.parents[1], TINY_PROGRAM.parent)))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # beside busy test processes, Ray's 15 is ten times as slow
    monkeypatch.setenv("PYTHONPATH", path)
    ray.init(
        address="local",
        num_cpus=1,
        include_dashboard=False,
        logging_level=logging.ERROR,
        object_store_memory=100_000_000,
    )
    try:
        rows = ray.data.from_items([{"path": str(clip)} for clip in [*clips, "absent.mp4"]], override_num_blocks=1)
        mapper = MapBatches("resnet", **flags)
        found = rows.map_batches(mapper, batch_size=2).materialize()
        done = found.filter(lambda row: row["status"] == "done").to_pandas()
        failed = found.filter(lambda row: row["status"] == "failed").take_all()
    finally:
        ray.shutdown()
    with featmill.Extractor("resnet", **flags) as extractor:
        wanted = np.concatenate([extractor(clip)["resnet"] for clip in clips])
    np.testing.assert_allclose(
        np.stack(done.embedding), wanted, rtol=1e-4, atol=1e-5
    )  # other threads may round otherwise
    assert [(row["path"], row["embedding"]) for row in failed] == [("absent.mp4", None)]
