"""One file per video: what is in it, that it is read back, and that damage is seen."""

import pickle
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from support.sinks import is_readable, make_sink, merge, read_outputs, record, staged_lines

from utils.errors import RunError
from utils.sinks.formats import FORMATS
from utils.sinks.output import ArrayInfo, Output
from utils.sources.name_template import NameTemplate
from utils.storage.folder import LocalFolder, folder_at

KINDS = ["save_numpy", "save_npz", "save_pickle", "save_h5"]  # the last stands for all that begin as a part


def test_numpy_files_hold_the_arrays(tmp_path):
    video = record()
    outputs = make_sink("save_numpy", LocalFolder(tmp_path)).write(video)
    keys = ("rgb", "fps", "timestamps_ms", "start_s", "end_s")
    assert [output.file for output in outputs] == [f"a/clip_{key}.npy" for key in keys]
    np.testing.assert_array_equal(np.load(tmp_path / "a/clip_end_s.npy"), [2, 3, 4])
    np.testing.assert_array_equal(np.load(tmp_path / "a/clip_rgb.npy"), video.arrays["rgb"])
    assert np.load(tmp_path / "a/clip_fps.npy") == 25
    assert outputs[0].arrays == {"rgb": ArrayInfo((3, 4), "float32")}
    assert outputs[0].bytes == (tmp_path / "a/clip_rgb.npy").stat().st_size


def test_pickle_files_hold_one_array_each(tmp_path):
    video = record()
    make_sink("save_pickle", LocalFolder(tmp_path)).write(video)
    with (tmp_path / "a/clip_rgb.pkl").open("rb") as file:
        np.testing.assert_array_equal(pickle.load(file), video.arrays["rgb"])


def test_npz_holds_features_and_attributes(tmp_path):
    video = record()
    (output,) = make_sink("save_npz", LocalFolder(tmp_path)).write(video)
    with np.load(tmp_path / "a/clip.npz") as file:
        assert set(file) == {"rgb", "fps", "timestamps_ms", "start_s", "end_s", "clip_length"}
        np.testing.assert_array_equal(file["rgb"], video.arrays["rgb"])
        np.testing.assert_array_equal(file["start_s"], [0, 1, 2])
        assert (file["fps"], file["clip_length"]) == (25, 2)
    assert output.file == "a/clip.npz"


def test_npz_calls_a_models_only_output_features(tmp_path):
    video = replace(record(keys=("vggish",)), feature_type="vggish")
    (output,) = make_sink("save_npz", LocalFolder(tmp_path)).write(video)
    with np.load(tmp_path / "a/clip.npz") as file:
        np.testing.assert_array_equal(file["features"], video.arrays["vggish"])
    np.testing.assert_array_equal(read_outputs(LocalFolder(tmp_path), [output])["vggish"], video.arrays["vggish"])


@pytest.mark.parametrize(("kind", "suffix"), [("save_numpy", "npy"), ("save_npz", "npz")])
def test_each_crop_has_a_file_and_is_read_back_with_the_others(kind, suffix, tmp_path):
    video, folder = record(), LocalFolder(tmp_path)
    crops = np.arange(24, dtype=np.float32).reshape(3, 2, 4)
    video = replace(video, arrays={"rgb": crops}, start_s=None, end_s=None, as_columns=True)
    outputs = FORMATS[kind].make_sink(folder, print, NameTemplate.of("views/{stem}__{crop}")).write(video)
    assert [output.file for output in outputs] == [f"views/clip__{crop}.{suffix}" for crop in range(2)]
    assert [output.arrays["rgb"].shape for output in outputs] == [(4, 3), (4, 3)]
    outputs = [Output.from_json(output.to_json()) for output in outputs]
    assert is_readable(folder, outputs)
    np.testing.assert_array_equal(read_outputs(folder, outputs)["rgb"], crops)
    if kind == "save_numpy":
        np.testing.assert_array_equal(np.load(tmp_path / outputs[1].file), crops[:, 1].T)


def test_npz_files_of_earlier_versions_are_read(tmp_path):
    """Which called a single stream "features" and had no times."""
    video = replace(record(), start_s=None, end_s=None, feature_type="rgb")
    (output,) = make_sink("save_npz", LocalFolder(tmp_path)).write(video)
    assert set(np.load(tmp_path / "a/clip.npz")) == {"features", "fps", "timestamps_ms", "clip_length"}
    assert is_readable(LocalFolder(tmp_path), [output])
    np.testing.assert_array_equal(read_outputs(LocalFolder(tmp_path), [output])["rgb"], video.arrays["rgb"])


@pytest.mark.parametrize("where", ["local", "memory"])
@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_read_back(tmp_path, kind, where):
    folder = LocalFolder(tmp_path) if where == "local" else folder_at(f"memory://files-{kind}")
    video = record(keys=("rgb", "flow"))
    outputs = make_sink(kind, folder).write(video)
    assert is_readable(folder, outputs)
    arrays = read_outputs(folder, outputs)
    assert set(video.arrays) <= set(arrays)
    for key, array in video.arrays.items():
        np.testing.assert_array_equal(arrays[key], array, strict=True)


def test_an_array_that_lies_on_disk_is_written_as_one_in_memory(tmp_path):
    video = record()
    video.arrays["rgb"].tofile(tmp_path / "rows")
    rows = np.memmap(tmp_path / "rows", np.float32, "r", shape=(3, 4))
    for kind in KINDS:
        outputs = make_sink(kind, LocalFolder(tmp_path)).write(record())
        video.arrays["rgb"] = rows
        again = make_sink(kind, LocalFolder(tmp_path)).write(video)
        assert [replace(new, mtime_ns=old.mtime_ns) for new, old in zip(again, outputs, strict=True)] == outputs
        np.testing.assert_array_equal(read_outputs(LocalFolder(tmp_path), outputs)["rgb"], rows)


@pytest.mark.parametrize(
    ("kind", "damage"),
    [(kind, damage) for kind in KINDS for damage in ("remove", "cut", "half", "empty", "flip")]
    + [(kind, "shape") for kind in KINDS if kind != "save_pickle"],  # to know a pickle's, it must be read as a whole
)
def test_damaged_outputs_are_not_readable(tmp_path, kind, damage):
    folder = LocalFolder(tmp_path)
    outputs = make_sink(kind, folder).write(record())
    assert is_readable(folder, outputs)
    path = tmp_path / outputs[0].file
    if damage == "remove":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "flip":  # one bit of the values
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif damage == "half":  # the size is right, but one half of the file is zeros
        data = path.read_bytes()
        zeros = bytes(len(data) // 2)
        path.write_bytes(zeros + data[len(zeros) :] if kind == "save_numpy" else data[: -len(zeros)] + zeros)
    else:
        outputs = [replace(outputs[0], arrays={**outputs[0].arrays, "rgb": ArrayInfo((4, 3), "float32")}), *outputs[1:]]
    assert not is_readable(folder, outputs)


def test_reading_what_is_damaged_says_what_to_do(tmp_path):
    folder = LocalFolder(tmp_path)
    outputs = make_sink("save_npz", folder).write(record())
    (tmp_path / "a/clip.npz").write_bytes(b"")
    with pytest.raises(RunError, match=r"a/clip.npz: cannot be read .*run the same command again with --verify"):
        read_outputs(folder, outputs)


def test_reading_runs_nothing_that_a_pickle_names(tmp_path):
    class Wicked:
        def __reduce__(self):
            return (tmp_path / "hacked").touch, ()

    folder = LocalFolder(tmp_path)
    outputs = make_sink("save_pickle", folder).write(record())
    (tmp_path / "a/clip_rgb.pkl").write_bytes(pickle.dumps(Wicked()))
    with pytest.raises(RunError, match="not data"):
        read_outputs(folder, outputs)
    assert not (tmp_path / "hacked").exists()


def test_a_staged_file_with_a_changed_byte_is_found_before_it_is_merged(tmp_path, caplog):
    folder = LocalFolder(tmp_path)
    lines = staged_lines("save_h5", folder, [record("one"), record("two")])
    path = tmp_path / lines[0].outputs[0].file
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("arrays/rgb.npy").header_offset + 200
    data = bytearray(path.read_bytes())
    data[start] ^= 255
    path.write_bytes(data)
    assert [new.id for new in merge("save_h5", folder, lines, set())] == ["two"]
    assert "one: its features are lost" in caplog.text
