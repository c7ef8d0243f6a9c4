"""Outputs appear whole or not at all, and the manifest knows which videos need no work."""

import json
import pickle
import threading

import numpy as np
import pytest

from utils.assemble import Record
from utils.errors import RunError, UserError
from utils.files import whole_file
from utils.manifest import Manifest, is_done, refuse_mixing, settings_hash, source_facts
from utils.sinks import is_readable, make_sink
from utils.sources.paths import VideoRef

ARRAYS = {"rgb": np.arange(6, dtype=np.float32).reshape(2, 3), "fps": np.array(25.0)}


def record(name: str = "a/clip") -> Record:
    return Record(VideoRef("clip.mp4", name, "clip.mp4"), ARRAYS)


def test_numpy_files_hold_the_arrays(tmp_path):
    outputs = make_sink("save_numpy", tmp_path, print).write(record())
    assert [output["file"] for output in outputs] == ["a/clip_rgb.npy", "a/clip_fps.npy"]
    np.testing.assert_array_equal(np.load(tmp_path / "a/clip_rgb.npy"), ARRAYS["rgb"])
    assert np.load(tmp_path / "a/clip_fps.npy") == 25
    assert outputs[0] | {"bytes": 0} == {
        "file": "a/clip_rgb.npy",
        "shape": [2, 3],
        "dtype": "float32",
        "bytes": 0,
    }


def test_pickle_files_hold_one_array_each(tmp_path):
    make_sink("save_pickle", tmp_path, print).write(record())
    with (tmp_path / "a/clip_rgb.pkl").open("rb") as file:
        np.testing.assert_array_equal(pickle.load(file), ARRAYS["rgb"])


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
    }
    assert is_done(line, ref, tmp_path, "s")
    assert not is_done(line, ref, tmp_path, "t")
    assert not is_done(line | {"status": "failed"}, ref, tmp_path, "s")
    assert not is_done(line | {"outputs": [{"file": "absent.npy", "bytes": 1}]}, ref, tmp_path, "s")
    assert not is_done(None, ref, tmp_path, "s")
    video.write_bytes(b"22")
    assert not is_done(line, ref, tmp_path, "s")


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
