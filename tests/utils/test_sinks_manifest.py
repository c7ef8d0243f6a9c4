"""Outputs appear whole or not at all, and the manifest knows which videos need no work."""

import json
import pickle
import threading

import numpy as np
import pytest
import yaml

from utils.assemble import Record
from utils.collected import write_list
from utils.errors import RunError, UserError
from utils.files import whole_file
from utils.manifest import Manifest, is_done, refuse_mixing, settings_hash, source_facts
from utils.sinks import is_readable, make_sink, read_outputs
from utils.sources.ref import VideoRef

ARRAYS = {"rgb": np.arange(6, dtype=np.float32).reshape(2, 3), "fps": np.array(25.0)}


def record(name: str = "a/clip") -> Record:
    return Record(VideoRef("clip.mp4", name, "clip.mp4"), ARRAYS, ["rgb"], {"clip_length": 2.0})


def test_numpy_files_hold_the_arrays(tmp_path):
    outputs = make_sink("save_numpy", tmp_path, print).write(record())
    assert [output["file"] for output in outputs] == ["a/clip_rgb.npy", "a/clip_fps.npy"]
    np.testing.assert_array_equal(np.load(tmp_path / "a/clip_rgb.npy"), ARRAYS["rgb"])
    assert np.load(tmp_path / "a/clip_fps.npy") == 25
    assert outputs[0]["arrays"] == {"rgb": {"shape": [2, 3], "dtype": "float32"}}


def test_pickle_files_hold_one_array_each(tmp_path):
    make_sink("save_pickle", tmp_path, print).write(record())
    with (tmp_path / "a/clip_rgb.pkl").open("rb") as file:
        np.testing.assert_array_equal(pickle.load(file), ARRAYS["rgb"])


def test_npz_holds_features_and_facts(tmp_path):
    (output,) = make_sink("save_npz", tmp_path, print).write(record())
    with np.load(tmp_path / "a/clip.npz") as file:
        assert set(file) == {"features", "fps", "clip_length"}
        np.testing.assert_array_equal(file["features"], ARRAYS["rgb"])
        assert (file["fps"], file["clip_length"]) == (25, 2)
    assert output["file"] == "a/clip.npz"


@pytest.mark.parametrize("kind", ["save_numpy", "save_npz", "save_pickle"])
def test_outputs_are_read_back(tmp_path, kind):
    outputs = make_sink(kind, tmp_path, print).write(record())
    arrays = read_outputs(tmp_path, outputs)
    assert set(arrays) == set(ARRAYS)
    for key, array in arrays.items():
        np.testing.assert_array_equal(array, ARRAYS[key])


@pytest.mark.parametrize("suffix", [".pkl", ".json", ".yaml", ".npz"])
def test_one_file_holds_the_whole_list_in_its_order(tmp_path, suffix):
    outputs = make_sink("save_numpy", tmp_path, print).write(record())
    refs = [VideoRef(name, name, name) for name in ("z.mp4", "clip.mp4", "z.mp4")]
    path = tmp_path / f"out{suffix}"
    write_list(str(path), tmp_path, refs, {"clip.mp4": {"id": "clip.mp4", "outputs": outputs}})
    if suffix == ".npz":
        with np.load(path) as file:
            assert set(file) == {"clip.mp4"}
            np.testing.assert_array_equal(file["clip.mp4"], ARRAYS["rgb"])
        return
    load = {".pkl": pickle.loads, ".json": json.loads, ".yaml": yaml.safe_load}[suffix]
    entries = load(path.read_bytes())
    assert (entries[0], entries[2]) == (None, None)
    np.testing.assert_array_equal(np.asarray(entries[1], np.float32), ARRAYS["rgb"])


def test_print_shows_values_and_leaves_no_file(tmp_path):
    shown = []
    assert make_sink("print", tmp_path, shown.append).write(record()) == []
    assert "max: 5.00000000; mean: 2.50000000; min: 0.00000000" in shown[0]
    assert not list(tmp_path.iterdir())


def test_an_interrupted_write_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "x.npy") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_stops_the_run(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written"), whole_file(tmp_path / "file" / "x.npy") as file:
        file.write(b"")


@pytest.mark.parametrize("damage", ["remove", "cut", "other shape"])
def test_damaged_outputs_are_not_readable(tmp_path, damage):
    outputs = make_sink("save_numpy", tmp_path, print).write(record())
    assert is_readable(tmp_path, outputs)
    path = tmp_path / "a/clip_rgb.npy"
    if damage == "remove":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        np.save(path, ARRAYS["rgb"].T)
    assert not is_readable(tmp_path, outputs)


def test_a_video_is_done_only_with_its_settings_input_and_outputs(tmp_path):
    video = tmp_path / "clip.mp4"
    video.write_bytes(b"1")
    ref = VideoRef("clip.mp4", "clip", str(video))
    line = {
        "id": ref.id,
        "status": "done",
        "settings_hash": "s",
        "source": source_facts(str(video)),
        "outputs": [],
        "on_extraction": "save_numpy",
    }
    assert is_done(line, ref, tmp_path, "s", "save_numpy")
    assert not is_done(line, ref, tmp_path, "t", "save_numpy")
    assert not is_done(line | {"status": "failed"}, ref, tmp_path, "s", "save_numpy")
    assert not is_done(line | {"outputs": [{"file": "absent.npy", "bytes": 1}]}, ref, tmp_path, "s", "save_numpy")
    assert not is_done(line, ref, tmp_path, "s", "save_pickle")
    assert not is_done(None, ref, tmp_path, "s", "save_numpy")
    video.write_bytes(b"22")
    assert not is_done(line, ref, tmp_path, "s", "save_numpy")


def test_the_manifest_survives_a_line_cut_short(tmp_path):
    manifest = Manifest(tmp_path)
    manifest.append({"id": "a", "status": "failed"})
    with (tmp_path / "manifest.jsonl").open("ab") as file:
        file.write(b'{"id": "b", "stat')
    manifest.append({"id": "a", "status": "done"})
    assert [line["status"] for line in manifest.lines()] == ["failed", "done"]
    assert manifest.latest()["a"]["status"] == "done"


def test_many_writers_do_not_mix_their_lines(tmp_path):
    def write(writer: int) -> None:
        for i in range(50):
            Manifest(tmp_path).append({"id": f"{writer}-{i}", "status": "done", "reason": "x" * 3000})

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Manifest(tmp_path).latest()) == 200


def test_other_settings_are_refused_with_the_difference(tmp_path):
    old, new = {"stack_size": 64, "weights": {}}, {"stack_size": 24, "weights": {}}
    (tmp_path / "run-1.json").write_text(json.dumps({"settings_hash": settings_hash(old), "settings": old}))
    latest = {"a": {"id": "a", "status": "done", "settings_hash": settings_hash(old)}}
    refuse_mixing(tmp_path, latest, old)
    with pytest.raises(UserError, match=r"stack_size: 64 there, 24 now.*--overwrite"):
        refuse_mixing(tmp_path, latest, new)
