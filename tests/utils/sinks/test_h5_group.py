"""Groups of videos in an HDF5 file: where they are, and that their checksum is that of what was written."""

from pathlib import Path
from typing import Any, cast

import h5py
import numpy as np
import pytest
from support.sinks import is_readable, merged, read_outputs, record, staged_lines

from utils.sinks.h5_group import checksum_of, damage_of, read_arrays, write_groups
from utils.sinks.readback import OutputReader
from utils.storage.folder import LocalFolder


def test_a_group_holds_what_was_staged(tmp_path: Path) -> None:
    folder, path, clip = LocalFolder(tmp_path), str(tmp_path / "x.h5"), record("a/clip")
    (group,) = write_groups(path, folder, staged_lines("save_h5", folder, [clip])).groups.values()
    assert (group.path, damage_of(path), damage_of(path, thorough=True)) == ("a/clip", "", "")
    with h5py.File(path, "r+") as file:
        found = read_arrays(file, group.path, group.arrays)
        np.testing.assert_array_equal(found["rgb"], clip.arrays["rgb"])
        assert checksum_of(file, group.path, group.arrays) == group.crc32
        cast(Any, file)["a/clip/rgb"][0, 0] += 1
        assert checksum_of(file, group.path, group.arrays) != group.crc32
        cast(Any, file)["a/clip/rgb"][0, 0] = clip.arrays["rgb"][0, 0]
        assert checksum_of(file, group.path, group.arrays) == group.crc32
        file["a/clip"].attrs["status"] = "partial"
        assert checksum_of(file, group.path, group.arrays) != group.crc32
    (tmp_path / "x.h5").write_bytes(b"no HDF5")
    assert damage_of(path)


def test_h5_keeps_videos_apart_whose_names_meet(tmp_path):
    folder = LocalFolder(tmp_path)
    names = ["clip/rgb", "clip", "clip/rgb/rgb", "x", "x/rgb", "x/rgb/y", ".", "..", "./.", "ü\udcff", "a//b", "a\0b"]
    clips = [record(name, seed=seed) for seed, name in enumerate(names)]
    first = merged("save_h5", folder, clips[:4])
    again = {new.id: new for new in [*first, *merged("save_h5", folder, clips[4:], kept=first)]}
    lines = [again[clip.ref.id] for clip in clips]
    assert len({new.outputs[0].place for new in lines}) == len(names)
    for clip, new in zip(clips, lines, strict=True):
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
    whole = [line for i, line in enumerate(lines) if i not in lost]
    new = merged("save_h5", folder, [clips[i] for i in lost], kept=whole)
    assert [line.outputs[0].place for line in new] == [f"clips/vid{i}" for i in lost]
    with cast(Any, h5py.File(path)) as file:
        assert (list(file), list(file["clips"])) == (["clips"], ["vid0", "vid1"])
    assert all(is_readable(folder, line.outputs) for line in [*lines, *new])
