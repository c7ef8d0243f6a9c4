"""Outputs of any format read back: whole ones, damaged ones, missing ones."""

from dataclasses import replace

import numpy as np
import pytest
from support.sinks import MERGED, is_readable, merged, videos

from utils.sinks.readback import OutputReader
from utils.storage.folder import LocalFolder, folder_at


@pytest.mark.parametrize("where", ["local", "memory"])
@pytest.mark.parametrize("kind", MERGED)
def test_outputs_are_read_back_and_opened_once(tmp_path, kind, where, monkeypatch):
    folder = LocalFolder(tmp_path) if where == "local" else folder_at(f"memory://merged-{kind}")
    clips = videos(keys=("rgb", "flow"))
    lines = merged(kind, folder, clips[:2])
    taken = {line.outputs[0].file for line in lines}
    lines += merged(kind, folder, clips[2:], taken)
    opened, really_open = [], type(folder).open
    monkeypatch.setattr(type(folder), "open", lambda self, name: opened.append(name) or really_open(self, name))
    outputs = OutputReader(folder)
    for _ in range(3):
        assert all(outputs.is_readable(line.outputs) for line in lines)
    assert len(opened) == len({line.outputs[0].file for line in lines})
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
def test_a_video_that_is_not_in_the_file_is_missed(tmp_path, kind):
    folder = LocalFolder(tmp_path)
    (new,) = merged(kind, folder, videos(1))
    output = replace(new.outputs[0], place="another", bytes=1)
    assert not is_readable(folder, [output])
