"""A passing read error is not damage: what breaks off is read on; what stays broken is failed, and tried again."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.faults import faulty_server
from support.media import moving_frames, waveform, write_clip
from support.program import ROOT, manifest, run

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


def extract_all(output: Path, *paths: Any, code: int = 0, **env: str) -> dict[str, dict[str, Any]]:
    """Run, and return the manifest lines by name. paths: with flags after them, if any."""
    always = ("--feature_type", "tiny", "--device", "cpu", "--on_extraction", "save_numpy", "--output_path", output)
    done = run(*always, "--video_paths", *paths, program=PROGRAM, env=env)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return manifest(output / "tiny")


def extract(output: Path, path: Path | str, *flags: Any, code: int = 0, **env: str) -> dict[str, Any]:
    """Run on one video, and return its manifest line."""
    (line,) = extract_all(output, path, *flags, code=code, **env).values()
    return line


def features(output: Path, name: str = "clip") -> np.ndarray:
    return np.load(output / "tiny" / f"{name}_tiny.npy")


@contextlib.contextmanager
def serving_faults(clip: Path, names: Sequence[str], fault: str | None = None, **how: int) -> Iterator[list[str]]:
    """Serve the clip under each of these names, which say what is wrong with its server; yield the addresses.

    fault: what is wrong with all of them instead.
    """
    with contextlib.ExitStack() as servers:
        addresses = []
        for name in names:
            if not (clip.parent / f"{name}.mkv").exists():
                (clip.parent / f"{name}.mkv").hardlink_to(clip)
            address = servers.enter_context(faulty_server(clip.parent, name if fault is None else fault, **how))
            addresses.append(f"{address}/{name}.mkv")
        yield addresses


def test_servers_that_break_off_twice(tmp_path: Path, clip: Path, expected: np.ndarray) -> None:
    faults = ("reset", "short", "stall", "refuse")
    with serving_faults(clip, faults, passes=2, n_faults=2) as addresses:
        lines = extract_all(tmp_path, *addresses)
    for fault in faults:
        line = lines[fault]
        assert (line["status"], line["decoded"], line["problems"]) == ("done", N_FRAMES, []), fault
        np.testing.assert_array_equal(features(tmp_path, fault), expected, err_msg=fault)


def test_servers_that_stay_broken(tmp_path: Path, clip: Path, expected: np.ndarray) -> None:
    faults = ("reset", "short")
    with serving_faults(clip, faults, passes=2) as addresses:
        lines = extract_all(tmp_path, *addresses, code=1)
    for fault, address in zip(faults, addresses, strict=True):
        line = lines[fault]
        assert line["status"] == "failed"
        assert "cannot be read" in line["reason"] and "run the same command again" in line["reason"]
        assert line["id"] == address
        assert not (tmp_path / "tiny" / f"{fault}_tiny.npy").exists()
    with serving_faults(clip, faults, fault="") as addresses:  # the same videos once the network is well
        lines = extract_all(tmp_path / "again", *addresses)
    for fault in faults:
        assert lines[fault]["status"] == "done"
        np.testing.assert_array_equal(features(tmp_path / "again", fault), expected)


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
    flags = ("--feature_type", "timm", "--model_name", "test_vit", "--weights", "random", "--device", "cpu",
             "--extraction_fps", 5, "--output_path", tmp_path)  # fmt: skip
    done = run(*flags, "--video_paths", clip, most_bytes=0)
    assert done.returncode == 3 and "Traceback" not in done.stderr, done.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file() and not path.stat().st_size] == []
    start_s = time.monotonic()
    assert run(*flags, "--video_paths", clip).returncode == 0
    assert time.monotonic() - start_s < 45  # a claim that nobody holds is watched for 90 s


def test_bodies_without_end(tmp_path: Path, clip: Path) -> None:
    causes = {"endless": "more than 1,000,000 bytes", "huge": "1,000,000,000,000,000"}
    with serving_faults(clip, list(causes)) as addresses:
        done = run("--feature_type", "timm", "--model_name", "test_vit", "--weights", "random", "--device", "cpu",
                   "--max_bytes", 1000000, "--output_path", tmp_path, "--video_paths", *addresses)  # fmt: skip
    assert done.returncode == 1, done.stderr
    lines = manifest(tmp_path / "timm")
    for fault, cause in causes.items():
        assert lines[fault]["status"] == "failed"
        assert cause in lines[fault]["reason"] and "Raise --max_bytes" in lines[fault]["reason"]
