"""Outputs of any format read back: whole ones, damaged ones, missing ones."""

import os
from dataclasses import replace

import numpy as np
import pytest
from support.sinks import MERGED, is_readable, merged, videos

from utils.sinks.readback import OutputReader
from utils.storage.folder import LocalFolder, folder_at


@pytest.mark.parametrize("where", ["local", "memory"])
@pytest.mark.parametrize("kind", [kind for kind in MERGED if kind != "save_lance"])  # Lance opens its own files
def test_outputs_are_read_back_and_opened_once(tmp_path, kind, where, monkeypatch):
    folder = LocalFolder(tmp_path) if where == "local" else folder_at(f"memory://merged-{kind}")
    clips = videos(keys=("rgb", "flow"))
    lines = merged(kind, folder, clips[:2])
    taken = {line.outputs[0].file for line in lines}
    lines += merged(kind, folder, clips[2:], taken, lines if kind == "save_h5" else ())
    opened, really_open = [], type(folder).open
    monkeypatch.setattr(type(folder), "open", lambda self, name: opened.append(name) or really_open(self, name))
    outputs = OutputReader(folder)
    for _ in range(3):
        assert all(outputs.is_readable(line.outputs) for line in lines)
    assert len([name for name in opened if not name.startswith(".featmill")]) == len(
        {line.outputs[0].file for line in lines}
    )
    for clip, new in zip(clips, lines, strict=True):
        arrays = outputs.read(new.outputs)
        for key in clip.features:
            np.testing.assert_array_equal(arrays[key], clip.arrays[key], strict=True)
    assert not list(folder.names(".featmill/staging/"))


@pytest.mark.parametrize("damage", ["remove", "cut", "empty", "garbage"])
@pytest.mark.parametrize("kind", MERGED)
def test_damaged_files_are_found(tmp_path, kind, damage):
    folder = LocalFolder(tmp_path)
    lines = merged(kind, folder, videos())
    path = tmp_path / lines[0].outputs[0].file
    data = path.read_bytes()
    if damage == "remove":
        path.unlink()
    else:
        path.write_bytes({"cut": data[: len(data) // 2], "empty": b"", "garbage": b"x" * len(data)}[damage])
    outputs = OutputReader(folder)
    assert not any(outputs.is_readable(line.outputs) for line in lines)


@pytest.mark.parametrize("kind", MERGED)
def test_a_changed_byte_is_found_by_the_checksum(tmp_path, kind):
    folder, clips = LocalFolder(tmp_path), videos(keys=("rgb",))
    lines = merged(kind, folder, clips)
    path = tmp_path / lines[2].outputs[0].file
    data, times = bytearray(path.read_bytes()), path.stat()
    place = data.find(clips[2].arrays["rgb"].tobytes()[:16])
    data[place if place > 0 else len(data) // 3] ^= 1  # Parquet compresses its values
    path.write_bytes(data)
    assert not is_readable(folder, lines[2].outputs)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # as a failing disk leaves it
    assert is_readable(folder, lines[2].outputs)
    assert not OutputReader(folder, verify=True).is_readable(lines[2].outputs)


@pytest.mark.parametrize("kind", MERGED)
def test_a_video_that_is_not_in_the_file_is_missed(tmp_path, kind):
    folder = LocalFolder(tmp_path)
    (new,) = merged(kind, folder, videos(1))
    output = replace(new.outputs[0], place="another", bytes=1)
    assert not is_readable(folder, [output])
