"""Saved features read back in Python, whatever format they are in."""

import multiprocessing
import pickle
import shutil
import sys

import h5py
import numpy as np
import pytest
from support.program import TINY_PROGRAM, run
from support.sinks import WRITABLE
from torch.utils.data import DataLoader

import featmill
from utils.sinks import staging
from utils.sinks.formats import FORMATS
from utils.sinks.manifest_line import ManifestLine, RunStamp
from utils.state.manifest import Manifest
from utils.storage.folder import folder_at

KEPT = [name for name in WRITABLE if FORMATS[name].saves and not FORMATS[name].by_shard]


@pytest.fixture(scope="module")
def saved(tmp_path_factory, clips):
    """Return a function from a format to a folder with the outputs of two types in it, written once."""
    folders = {}

    def folder(on_extraction):
        if on_extraction not in folders:
            folders[on_extraction] = tmp_path_factory.mktemp(on_extraction)
            done = run(
                "--feature_type", "tiny", "loudness", "--video_paths", *clips, "absent.mp4",
                "--on_extraction", on_extraction, "--output_path", folders[on_extraction], program=TINY_PROGRAM,
            )  # fmt: skip
            assert done.returncode == 1, done.stderr
        return folders[on_extraction]

    return folder


@pytest.mark.parametrize("on_extraction", KEPT)
def test_every_format_gives_the_same_videos(saved, clips, tiny, on_extraction):
    outputs = featmill.load(saved(on_extraction), "tiny")
    with featmill.Extractor(tiny) as extractor:
        expected = {str(clip): extractor(clip) for clip in clips}
    assert len(outputs) == 3 and outputs.names is outputs.names and sorted(outputs.names) == ["12", "27", "60"]
    for video in outputs:
        wanted = expected[str(clips[0].with_name(f"{video.name}.mp4"))]
        np.testing.assert_array_equal(video["tiny"], wanted["tiny"], strict=True)
        np.testing.assert_array_equal(video.start_s, wanted.start_s)
        np.testing.assert_array_equal(video.timestamps_ms, wanted.timestamps_ms, strict=True)
        assert (list(video), video.fps, video.status, video.notes) == (["tiny"], 25.0, "done", ())
        assert video["tiny"].flags.writeable
    for file in saved(on_extraction).rglob("*.h5"):
        h5py.File(file, "r+").close()  # refused while another has it open
    by_name, by_id = outputs["27"], outputs[str(clips[1])]
    assert "27" in outputs and "28" not in outputs
    np.testing.assert_array_equal(by_name["tiny"], by_id["tiny"])
    (failure,) = outputs.failures
    assert failure.status == "failed" and "no such file" in failure.notes[0] and not failure


def test_of_videos_with_one_name_the_one_with_features_is_meant(tmp_path, saved):
    shutil.copytree(saved("save_numpy"), tmp_path, dirs_exist_ok=True)
    failed = [("b/27.mp4", "27"), ("a/lost.mp4", "lost"), ("b/lost.mp4", "lost")]
    stamp = RunStamp("tiny")
    Manifest(folder_at(str(tmp_path / "tiny"))).append(
        *(ManifestLine(id=identity, name=name, status="failed", stamp=stamp) for identity, name in failed)
    )
    outputs = featmill.load(tmp_path, "tiny")
    assert (outputs["27"].status, outputs["b/27.mp4"].status) == ("done", "failed")
    with pytest.raises(featmill.UserError, match=r"once; ask for 'a/lost\.mp4' or 'b/lost\.mp4'"):
        outputs["lost"]


def test_several_feature_types_and_what_is_not_there(tmp_path, saved):
    shutil.copytree(saved("save_npz"), tmp_path, dirs_exist_ok=True)
    outputs = featmill.load(tmp_path)
    assert outputs.feature_types == ["loudness", "tiny"]
    assert sorted((video.feature_type, len(next(iter(video.values())))) for video in outputs) == [
        ("loudness", 1), ("loudness", 2), ("tiny", 12), ("tiny", 27), ("tiny", 60),
    ]  # fmt: skip
    items = [outputs.to_torch()[i] for i in range(5)]
    assert sorted((item["name"], *item) for item in items)[1] == ("27", "name", "loudness", "start_s", "end_s")
    with pytest.raises(featmill.UserError, match="more than once; give load"):
        outputs["27"]
    with pytest.raises(KeyError):
        outputs["28"]
    assert len(featmill.load(tmp_path / "tiny")["60"]["tiny"]) == 60
    with pytest.raises(featmill.UserError, match=r"no features of i3d there, only of loudness, tiny"):
        featmill.load(tmp_path, "i3d")
    with pytest.raises(featmill.UserError, match=r"no manifest\.jsonl there"):
        featmill.load(tmp_path / "tiny" / "absent")
    (tmp_path / "tiny" / "60.npz").write_bytes(b"damaged")
    with pytest.raises(featmill.RunError, match=r"60\.npz: cannot be read"):
        list(featmill.load(tmp_path, "tiny"))


def test_hdf5_leaves_no_file_open_below_it(saved, monkeypatch):
    opened, near = [], staging.near
    monkeypatch.setattr(staging, "near", lambda *of: opened.append(near(*of)) or opened[-1])
    assert len(list(featmill.load(saved("save_h5"), "tiny"))) == 3
    assert [file.closed for file in opened] == [True]


def test_a_table_has_a_row_per_window(saved):
    table = featmill.load(saved("save_numpy"), "tiny").to_pandas()
    assert (
        list(table) == ["name", "feature_type", "window_index", "start_s", "end_s", "tiny"]
        and len(table) == 60 + 27 + 12
    )
    row = table[(table.name == "27") & (table.window_index == 20)].iloc[0]
    assert row.start_s == 0.8 and row.tiny.shape == (1,)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_data_loader_reads_in_its_own_processes(saved, method):
    outputs = featmill.load(saved("save_h5"), "tiny")
    loader = DataLoader(
        outputs.to_torch(), None, num_workers=1, multiprocessing_context=multiprocessing.get_context(method)
    )
    items = {item["name"]: item for item in loader}
    for name in ("27", "12"):
        np.testing.assert_array_equal(items[name]["tiny"].numpy(), outputs[name]["tiny"])
        np.testing.assert_array_equal(items[name]["end_s"].numpy(), outputs[name].end_s)


def test_outputs_can_be_pickled_and_say_what_they_are(saved):
    outputs = featmill.load(saved("save_numpy"))
    next(iter(outputs))  # files and locks are there
    again = pickle.loads(pickle.dumps(outputs))
    assert list(again.names) == list(outputs.names)
    assert repr(again) == f"<Outputs {saved('save_numpy')}: loudness, tiny>"


def test_a_table_without_pandas(saved, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(featmill.UserError, match="needs pandas: pip install pandas"):
        featmill.load(saved("save_numpy")).to_pandas()
