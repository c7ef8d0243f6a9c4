"""Faults at system calls, a few of those of `benchmarks.faults_calls`, and bytes that change on disk."""

import pickle
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from support.media import moving_frames, write_clip
from support.program import ROOT, TINY_PROGRAM, run

HAS_C_COMPILER = sys.platform.startswith("linux") and any(map(shutil.which, ("cc", "gcc", "clang")))
TINY = ("--feature_type", "tiny", "--device", "cpu", "--quiet")


@pytest.mark.skipif(not HAS_C_COMPILER, reason="no C compiler for the library that injects faults")
def test_outputs_survive_faults_at_system_calls() -> None:
    command = [sys.executable, "-m", "benchmarks.faults_calls", "--points", "3", "--seed", "7", "--formats"]
    formats = ["save_npz", "save_h5", "save_shards", "check_progress"]
    result = subprocess.run([*command, *formats], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count('"failures": {}') == len(formats)


def flip(path: Path, place: int) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_a_changed_byte_of_a_shards_file_is_found(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "shard-0.tar", "w") as tar:
        tar.add(write_clip(tmp_path / "a.mp4", moving_frames(2, seed=1)), "a.mp4")
    output = tmp_path / "out" / "shard-0.pkl"
    command = (
        "--feature_type", "timm", "--model_name", "test_vit", "--weights", "random", "--device", "cpu", "--quiet",
        "--on_extraction", "save_shards", "--tar_path", tmp_path / "shard-0.tar", "--output_path", output.parent,
    )  # fmt: skip
    assert run(*command).returncode == 0
    right = output.read_bytes()
    assert pickle.loads(right)[0]["id"] == "a"
    flip(output, right.index(b"filename"))  # no array, but what every reader asks for
    assert run(*command).returncode == 0
    assert output.read_bytes() == right


def test_a_tar_that_can_be_read_again_is_no_failure(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "s.tar", "w") as tar:
        tar.add(write_clip(tmp_path / "a.mp4", moving_frames(2)), "a.mp4")
    whole, output = (tmp_path / "s.tar").read_bytes(), tmp_path / "out"
    command = (*TINY, "--on_extraction", "save_shards", "--tar_path", tmp_path / "s.tar", "--output_path", output)
    for content, code, counts in (
        (b"damaged", 1, "0 done, 0 partial, 0 skipped, 1"),
        (whole, 0, "1 done, 0 partial, 0 skipped, 0"),
    ):
        (tmp_path / "s.tar").write_bytes(content)
        assert run(*command, program=TINY_PROGRAM).returncode == code
        status = run("status", output)
        assert status.returncode == code and f"{counts} failed" in status.stdout
