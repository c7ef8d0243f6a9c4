"""One list of videos through main.py that is killed, meets a full disk, a broken connection and damage on disk."""

import os
import signal
import warnings
from pathlib import Path
from typing import Any, cast

import h5py
import numpy as np
import pytest
from support.faults import faulty_server
from support.media import moving_frames, write_clip
from support.program import has_manifest, manifest, run, start, unfinished, until

import featmill
from benchmarks.stalling_server import StallingServer

pytestmark = pytest.mark.bits  # of one run against another

NETWORK = {"model_name": "test_vit", "weights": "random", "device": "cpu"}
MOST_BYTES = 6000  # of a file, on a disk that is nearly full: HDF5 files are larger, notes smaller


Stored = dict[str, tuple[np.ndarray, dict[str, Any]]]  # by the name of the video: its features, and what is said of it


def stored(path: Path) -> Stored:
    """Return what an HDF5 file holds."""
    with cast(Any, h5py.File(path)) as file:
        return {name: (file[name]["timm"][()], dict(file[name].attrs)) for name in file}


def flip(path: Path, *parts: bytes) -> None:
    """Change one bit in each of these parts of a file."""
    data = bytearray(path.read_bytes())
    for part in parts:
        data[data.index(part) + len(part) // 2] ^= 1
    path.write_bytes(data)


def test_a_list_is_finished_whatever_comes_between(tmp_path: Path) -> None:
    clips = [write_clip(tmp_path / f"{name}.mp4", moving_frames(4, seed=n)) for n, name in enumerate("abc")]
    folder, done_list = tmp_path / "out" / "timm", tmp_path / "done.txt"
    output = folder / "features.h5"
    flags = [word for name, value in NETWORK.items() for word in (f"--{name}", value)]
    command = ["--feature_type", "timm", *flags, "--on_extraction", "save_h5", "--output_path", tmp_path / "out",
               "--video_paths", *clips[:2]]  # fmt: skip
    with StallingServer(tmp_path) as server:
        server.faults += ["stall"]
        process = start(*command, f"{server.url}/c.mp4")
        until(lambda: has_manifest(folder) and len(manifest(folder)) == 2, process)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert not output.exists()

    full = run(*command, most_bytes=MOST_BYTES)
    assert full.returncode == 3 and "Traceback" not in full.stderr, full.stderr
    assert full.stderr.count("error: ") == 1 and "features.h5" in full.stderr
    assert not output.exists()

    with faulty_server(tmp_path, "reset", n_faults=1) as address:
        again = run(*command, f"{address}/c.mp4", "--check_progress", done_list)
    assert again.returncode == 0, again.stderr
    assert "1 video in" in again.stdout and "2 more were done already" in again.stdout
    with warnings.catch_warnings(action="ignore"), featmill.Extractor("timm", **NETWORK) as extractor:
        expected = {Path(video.name).stem: video["timm"] for video in extractor.map(clips)}
    right = stored(output)
    assert right.keys() == expected.keys()
    for name, (array, _) in right.items():
        np.testing.assert_array_equal(array, expected[name], strict=True)
    assert sorted(done_list.read_text().split()) == [*map(str, clips[:2]), f"{address}/c.mp4"]

    flip(output, expected["a"].tobytes(), right["a"][1]["source"].encode(), b"b\0")  # the last is the group of a video
    assert "b" not in stored(output)
    assert run(*command).returncode == 0
    for name, (array, attributes) in stored(output).items():
        np.testing.assert_array_equal(array, right[name][0], strict=True)
        assert attributes == right[name][1]
    assert stored(output).keys() == right.keys() and not unfinished(tmp_path / "out")
