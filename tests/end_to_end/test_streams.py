"""Standard output and error that are closed, full or unread: features are saved, and the exit code is right."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.program import ROOT, TINY_PROGRAM, run, start

MAIN_PY = f"{sys.executable} main.py"
FLAGS = (
    "--feature_type", "timm", "--model_name", "test_vit", "--weights", "random", "--device", "cpu", "--extraction_fps",
    "1", "--video_paths", "sample/bouncing_shapes.mp4",
)  # fmt: skip
NAMES = {f"bouncing_shapes_{key}.npy" for key in ("timm", "fps", "timestamps_ms", "start_s", "end_s")}


@pytest.fixture
def full() -> Iterator[int]:
    """A descriptor that takes nothing."""
    with open("/dev/full", "w") as file:  # noqa: PTH123 - a device
        yield file.fileno()


@pytest.fixture
def unread() -> Iterator[int]:
    """A descriptor of a pipe whose other end is closed."""
    ours, theirs = os.pipe()
    os.close(ours)
    yield theirs
    os.close(theirs)


def shell(command: str) -> str:
    """Return what a bash command prints; its last line is the exit code of the program."""
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    return done.stdout


def saves_all_types(folder: Path) -> list[Any]:
    """Return the words of a run that saves features in two ways, and prints of it."""
    return [*FLAGS, "--on_extraction", "save_numpy", "--output_path", folder, "--out", folder / "all.pkl"]


def check_saved(folder: Path) -> None:
    """Assert that it did."""
    assert {path.name for path in (folder / "timm").glob("*.npy")} == NAMES
    assert np.load(folder / "all.pkl", allow_pickle=True)[0].shape == (7, 64)


def test_features_are_saved_though_the_streams_are_closed(tmp_path):
    assert shell(f"{MAIN_PY} {shlex.join(map(str, saves_all_types(tmp_path)))} >&- 2>&- <&-; echo $?") == "0\n"
    check_saved(tmp_path)


def test_features_are_saved_though_the_streams_are_full(tmp_path, full):
    assert start(*saves_all_types(tmp_path), stdout=full, stderr=full).wait() == 0
    check_saved(tmp_path)


def test_features_are_saved_though_nobody_reads(tmp_path, unread):
    assert start(*saves_all_types(tmp_path), stdout=unread, stderr=unread).wait() == 0
    check_saved(tmp_path)


def test_main_called_from_python_needs_no_guard(tmp_path, full, unread):
    process = start(
        "--feature_type", "tiny", "--device", "cpu", "--video_paths", "sample/bouncing_shapes.mp4", "--on_extraction",
        "save_numpy", "--output_path", tmp_path, "--out", tmp_path / "all.pkl", program=TINY_PROGRAM, stdout=full,
        stderr=unread,
    )  # fmt: skip
    assert process.wait() == 0
    assert (tmp_path / "tiny" / "manifest.jsonl").exists()
    assert np.load(tmp_path / "all.pkl", allow_pickle=True)[0].shape == (164, 1)


def test_features_that_cannot_be_printed_are_an_error_of_one_line(full):
    *printed, code = shell(f"{MAIN_PY} {shlex.join(FLAGS)} 2>&1 >&-; echo $?").splitlines()
    process = start(*FLAGS, stdout=full)
    for text, exit_code in (("\n".join(printed), int(code)), (process.communicate(120)[1], process.returncode)):
        assert exit_code == 3
        assert "Traceback" not in text and "features cannot be printed" in text


def test_a_command_whose_words_are_lost_has_failed():
    full = shell(f"{MAIN_PY} version 2>&1 >/dev/full; echo $?").splitlines()
    assert full == ["error: standard output could not be written", "3"]
    assert shell(f"{MAIN_PY} help | head -1; echo ${{PIPESTATUS[0]}}").splitlines()[-1] == "0"


def test_names_do_not_act_on_the_terminal(tmp_path):
    name = "a\x1b[31mred\u202egnp.mp4"
    (tmp_path / name).write_bytes(b"no video")
    done = run("--feature_type", "timm", "--model_name", "test_vit", "--weights", "random", "--device", "cpu",
               "--video_paths", tmp_path / name, "--output_path", tmp_path / "out")  # fmt: skip
    status = run("status", tmp_path / "out")
    shown = done.stdout + done.stderr + status.stdout + status.stderr
    assert done.returncode == 1 and "a\\x1b[31mred\\u202egnp.mp4" in shown
    assert "\x1b" not in shown and "\u202e" not in shown
