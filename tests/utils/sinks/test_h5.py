"""features.h5, read with h5py: a group per video."""

import json
from typing import Any, cast

import h5py
import numpy as np
import pytest
from support.sinks import is_readable, merged, read_outputs, record, videos

from utils.sinks.readback import OutputReader
from utils.storage.folder import LocalFolder


def test_h5_has_a_group_per_video_in_its_folders(tmp_path):
    folder, clips = LocalFolder(tmp_path), videos(meta={"split": "train"})
    merged("save_h5", folder, clips[:2])
    merged("save_h5", folder, clips[2:])
    with cast(Any, h5py.File(tmp_path / "features.h5")) as file:
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
    merged("save_h5", folder, [record("clip", keys=("old", "rgb")), record("clip/inner", seed=5)])
    (new,) = merged("save_h5", folder, [record("clip", seed=1, n_windows=7)])
    with cast(Any, h5py.File(tmp_path / "features.h5")) as file:
        assert set(file["clip"]) == {"rgb", "fps", "timestamps_ms", "start_s", "end_s", "inner"}
        assert file["clip/rgb"].shape == (7, 4)
        np.testing.assert_array_equal(file["clip/inner/rgb"], record(seed=5).arrays["rgb"])
    assert is_readable(folder, new.outputs)


def test_h5_keeps_videos_apart_whose_names_meet(tmp_path):
    folder = LocalFolder(tmp_path)
    names = ["clip/rgb", "clip", "clip/rgb/rgb", "x", "x/rgb", "x/rgb/y", ".", "..", "./.", "ü\udcff", "a//b", "a\0b"]
    clips = [record(name, seed=seed) for seed, name in enumerate(names)]
    lines = merged("save_h5", folder, clips[:4]) + merged("save_h5", folder, clips[4:])
    assert len({new.outputs[0].place for new in lines}) == len(names)
    for clip, new in zip(clips, lines, strict=True):
        np.testing.assert_array_equal(read_outputs(folder, new.outputs)["rgb"], clip.arrays["rgb"])


def test_h5_writes_large_arrays_in_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("utils.sinks.staging.BLOCK_BYTES", 100)
    folder, clip = LocalFolder(tmp_path), record(n_windows=50)
    (new,) = merged("save_h5", folder, [clip])
    np.testing.assert_array_equal(read_outputs(folder, new.outputs)["rgb"], clip.arrays["rgb"])


@pytest.mark.parametrize("other", [b"blips\0", b"clipr\0", b"vid0\0", b"vid9\0"])  # of the folder, of `vid1`
def test_a_video_whose_group_got_another_name_is_in_the_file_once(tmp_path, monkeypatch, other):
    monkeypatch.setattr("utils.sinks.h5.in_child", lambda function, *arguments: function(*arguments))
    folder, clips = LocalFolder(tmp_path), [record(f"clips/vid{i}", seed=i) for i in range(2)]
    lines = merged("save_h5", folder, clips)
    path = tmp_path / "features.h5"
    data = bytearray(path.read_bytes())
    name = b"clips\0" if len(other) == 6 else b"vid1\0"
    start = data.index(name)
    data[start : start + len(name)] = other
    path.write_bytes(data)
    lost = [i for i in range(2) if not OutputReader(folder, verify=True).is_readable(lines[i].outputs)]
    new = merged("save_h5", folder, [clips[i] for i in lost], outdated={str(lines[i].outputs[0].place) for i in lost})
    assert [line.outputs[0].place for line in new] == [f"clips/vid{i}" for i in lost]
    with cast(Any, h5py.File(path)) as file:
        assert (list(file), list(file["clips"])) == (["clips"], ["vid0", "vid1"])
    assert all(is_readable(folder, line.outputs) for line in [*lines, *new])


def test_a_damaged_h5_file_is_replaced(tmp_path, caplog):
    folder = LocalFolder(tmp_path)
    (old,) = merged("save_h5", folder, [record("old")])
    path = tmp_path / "features.h5"
    path.write_bytes(path.read_bytes()[:-100])
    assert not is_readable(folder, old.outputs)
    (new,) = merged("save_h5", folder, [record("new")])
    assert "features.h5 is damaged" in caplog.text
    assert (is_readable(folder, new.outputs), is_readable(folder, old.outputs)) == (True, False)
