"""features.h5, read with h5py: a group per video."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import h5py
import numpy as np
from support.sinks import is_readable, merged, read_outputs, record, videos

from utils.storage.folder import LocalFolder

ROOT = Path(__file__).parents[3]
KEEP = """
import ctypes, sys
from utils.sinks import foreign, h5
from utils.storage.folder import folder_at

folder = folder_at(sys.argv[1])
for opened in (h5.H5File(folder, h5.FILE_NAME), foreign.arrays_in(folder, h5.FILE_NAME)):
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(opened))  # nothing frees it any more
"""


def test_h5_has_a_group_per_video_in_its_folders(tmp_path):
    folder, clips = LocalFolder(tmp_path), videos(meta={"split": "train"})
    merged("save_h5", folder, clips[2:], kept=merged("save_h5", folder, clips[:2]))
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
    old = merged("save_h5", folder, [record("clip", keys=("old", "rgb")), record("clip/inner", seed=5)])
    (new,) = merged("save_h5", folder, [record("clip", seed=1, n_windows=7)], kept=old[1:])
    with cast(Any, h5py.File(tmp_path / "features.h5")) as file:
        assert set(file["clip"]) == {"rgb", "fps", "timestamps_ms", "start_s", "end_s", "inner"}
        assert file["clip/rgb"].shape == (7, 4)
        np.testing.assert_array_equal(file["clip/inner/rgb"], record(seed=5).arrays["rgb"])
    assert is_readable(folder, new.outputs)


def test_h5_writes_large_arrays_in_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("utils.sinks.staging.BLOCK_BYTES", 100)
    folder, clip = LocalFolder(tmp_path), record(n_windows=50)
    (new,) = merged("save_h5", folder, [clip])
    np.testing.assert_array_equal(read_outputs(folder, new.outputs)["rgb"], clip.arrays["rgb"])


def test_a_damaged_h5_file_is_replaced(tmp_path, caplog):
    folder = LocalFolder(tmp_path)
    (old,) = merged("save_h5", folder, [record("old")])
    path = tmp_path / "features.h5"
    path.write_bytes(path.read_bytes()[:-100])
    assert not is_readable(folder, old.outputs)
    new, lost = merged("save_h5", folder, [record("new")], kept=[old])
    assert "features.h5 is damaged" in caplog.text
    assert (is_readable(folder, new.outputs), is_readable(folder, old.outputs)) == (True, False)
    assert (lost.id, lost.status, lost.outputs) == ("old", "failed", ())


def test_a_damaged_group_fails_its_video_alone(tmp_path):
    folder, clips = LocalFolder(tmp_path), videos(2)
    old = merged("save_h5", folder, clips)
    path = tmp_path / "features.h5"
    row = clips[0].arrays["rgb"].tobytes()
    path.write_bytes(path.read_bytes().replace(row, bytes(len(row))))
    new, lost = merged("save_h5", folder, [record("new")], kept=old)
    assert (new.status, lost.id, lost.status) == ("done", "a/clip0", "failed")
    with cast(Any, h5py.File(path)) as file:
        assert (list(file), list(file["a"])) == (["a", "new"], ["clip1"])
    assert is_readable(folder, old[1].outputs)


def test_a_file_that_is_still_open_when_python_ends_does_no_harm(tmp_path):
    """As in a worker of a DataLoader, whose data set nothing frees."""
    merged("save_h5", LocalFolder(tmp_path), videos(1))
    done = subprocess.run([sys.executable, "-c", KEEP, tmp_path], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
