"""A passing read error is not damage: what breaks off is read on; what stays broken is failed, and tried again."""

import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.faults import faulty_server
from support.media import moving_frames, waveform, write_clip
from support.program import ROOT, TINY_PROGRAM, manifest, run

pytestmark = pytest.mark.bits  # of one run against another

PROGRAM = ROOT / "tests" / "support" / "impatient_program.py"
N_FRAMES = 80


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clip of 9 MB: the library that reads addresses asks for 5 MiB at once."""
    frames = np.repeat(moving_frames(N_FRAMES), 5, 1).repeat(5, 2)
    folder = tmp_path_factory.mktemp("served")
    sound = {"audio": waveform(0, 3.2, 16000), "audio_rate": 16000, "audio_codec": "flac"}
    return write_clip(folder / "clip.mkv", frames, codec="rawvideo", **sound)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> np.ndarray:
    output = tmp_path_factory.mktemp("expected")
    extract(output, clip)
    return features(output)


def extract(output: Path, path: Path | str, *flags: Any, code: int = 0, **env: str) -> dict[str, Any]:
    """Run, and return the manifest line."""
    always = ("--feature_type", "tiny", "--device", "cpu", "--on_extraction", "save_numpy", "--output_path", output)
    done = run(*always, "--video_paths", path, *flags, program=PROGRAM, env=env)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    (line,) = manifest(output / "tiny").values()
    return line


def features(output: Path) -> np.ndarray:
    return np.load(output / "tiny" / "clip_tiny.npy")


@pytest.mark.parametrize("fault", ["reset", "short", "stall", "refuse"])
def test_a_server_that_breaks_off_twice(tmp_path: Path, clip: Path, expected: np.ndarray, fault: str) -> None:
    with faulty_server(clip.parent, fault, passes=2, n_faults=2) as address:
        line = extract(tmp_path, f"{address}/clip.mkv")
    assert (line["status"], line["decoded"], line["problems"]) == ("done", N_FRAMES, [])
    np.testing.assert_array_equal(features(tmp_path), expected)


@pytest.mark.parametrize("fault", ["reset", "short"])
def test_a_server_that_stays_broken(tmp_path: Path, clip: Path, expected: np.ndarray, fault: str) -> None:
    with faulty_server(clip.parent, fault, passes=2) as address:
        line = extract(tmp_path, f"{address}/clip.mkv", code=1)
        assert line["status"] == "failed"
        assert "cannot be read" in line["reason"] and "run the same command again" in line["reason"]
        assert not (tmp_path / "tiny" / "clip_tiny.npy").exists()
    port = address.rpartition(":")[2]
    assert port in line["id"]
    with faulty_server(clip.parent, "") as address:  # the same video once the network is well
        line = extract(tmp_path / "again", f"{address}/clip.mkv")
    assert line["status"] == "done"
    np.testing.assert_array_equal(features(tmp_path / "again"), expected)


def test_a_disk_that_fails(tmp_path: Path, clip: Path, expected: np.ndarray) -> None:
    line = extract(tmp_path / "passing", clip, DISK_FAULTS="3")
    assert (line["status"], line["problems"]) == ("done", [])
    np.testing.assert_array_equal(features(tmp_path / "passing"), expected)
    line = extract(tmp_path / "lasting", clip, code=1, DISK_FAULTS="1000000")
    assert line["status"] == "failed"
    assert "Input/output error). Check the disk or the mount" in line["reason"]
    line = extract(tmp_path / "lasting", clip)  # the next run tries it again
    assert line["status"] == "done"
    np.testing.assert_array_equal(features(tmp_path / "lasting"), expected)


def test_a_full_disk_leaves_no_claims(tmp_path: Path, clip: Path) -> None:
    """Nothing can be written: the run says so, and the next one does not wait for it."""

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    flags = ("--feature_type", "tiny", "--device", "cpu", "--on_extraction", "save_numpy", "--output_path", tmp_path)
    command = [sys.executable, str(TINY_PROGRAM), *map(str, flags), "--video_paths", str(clip)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, preexec_fn=no_room, timeout=120)
    assert done.returncode == 3 and "Traceback" not in done.stderr, done.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file() and not path.stat().st_size] == []
    start_s = time.monotonic()
    assert run(*flags, "--video_paths", clip, program=TINY_PROGRAM).returncode == 0
    assert time.monotonic() - start_s < 45  # a claim that nobody holds is watched for 90 s


@pytest.mark.parametrize(
    ("fault", "cause"), [("endless", "more than 1,000,000 bytes"), ("huge", "1,000,000,000,000,000")]
)
def test_a_body_without_end(tmp_path: Path, fault: str, cause: str) -> None:
    with faulty_server(tmp_path, fault) as address:
        line = extract(tmp_path / "out", f"{address}/clip.mkv", "--max_bytes", 1000000, code=1)
    assert line["status"] == "failed"
    assert cause in line["reason"] and "Raise --max_bytes" in line["reason"]
