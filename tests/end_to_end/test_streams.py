"""Standard output and error that are closed, full or unread: features are saved, and the exit code is right."""

import subprocess
import sys

import numpy as np
import pytest
from support.program import ROOT, TINY_PROGRAM, run

FLAGS = (
    "--feature_type timm --model_name test_vit --weights random --device cpu --extraction_fps 1 "
    "--video_paths sample/bouncing_shapes.mp4"
)
NAMES = {f"bouncing_shapes_{key}.npy" for key in ("timm", "fps", "timestamps_ms", "start_s", "end_s")}


def shell(command: str) -> str:
    """Return what a bash command prints; its last line is the exit code of the program."""
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    return done.stdout


@pytest.mark.parametrize(
    "redirected",
    ["{} >&- 2>&- <&-; echo $?", "{} >/dev/full 2>/dev/full; echo $?", "{} 2>&1 | true; echo ${{PIPESTATUS[0]}}"],
    ids=["closed", "full", "broken pipe"],
)
def test_features_are_saved_though_nothing_can_be_printed(tmp_path, redirected):
    program = (
        f"{sys.executable} main.py {FLAGS} --on_extraction save_numpy --output_path {tmp_path} --out {tmp_path}/all.pkl"
    )
    assert shell(redirected.format(program)).splitlines()[-1] == "0"
    assert {path.name for path in (tmp_path / "timm").glob("*.npy")} == NAMES
    assert np.load(tmp_path / "all.pkl", allow_pickle=True)[0].shape == (7, 64)


def test_main_called_from_python_needs_no_guard(tmp_path):
    program = (
        f"{sys.executable} {TINY_PROGRAM} --feature_type tiny --device cpu --video_paths sample/bouncing_shapes.mp4 "
        f"--on_extraction save_numpy --output_path {tmp_path} --out {tmp_path}/all.pkl"
    )
    assert shell(f"{program} 2> >(true) >/dev/full; echo $?") == "0\n"
    assert (tmp_path / "tiny" / "manifest.jsonl").exists()
    assert np.load(tmp_path / "all.pkl", allow_pickle=True)[0].shape == (164, 1)


def test_features_that_cannot_be_printed_are_an_error_of_one_line():
    for redirected in ("2>&1 >&-; echo $?", "2>&1 >/dev/full | cat; echo ${PIPESTATUS[0]}"):
        printed = shell(f"{sys.executable} main.py {FLAGS} {redirected}")
        assert printed.splitlines()[-1] == "3"
        assert "Traceback" not in printed and "features cannot be printed" in printed


def test_a_command_whose_words_are_lost_has_failed():
    full = shell(f"{sys.executable} main.py version 2>&1 >/dev/full; echo $?").splitlines()
    assert full == ["error: standard output could not be written", "3"]
    assert shell(f"{sys.executable} main.py help | head -1; echo ${{PIPESTATUS[0]}}").splitlines()[-1] == "0"


def test_names_do_not_act_on_the_terminal(tmp_path):
    name = "a\x1b[31mred\u202egnp.mp4"
    (tmp_path / name).write_bytes(b"no video")
    done = run("--feature_type", "timm", "--model_name", "test_vit", "--weights", "random", "--device", "cpu",
               "--video_paths", tmp_path / name, "--output_path", tmp_path / "out")  # fmt: skip
    status = run("status", tmp_path / "out")
    shown = done.stdout + done.stderr + status.stdout + status.stderr
    assert done.returncode == 1 and "a\\x1b[31mred\\u202egnp.mp4" in shown
    assert "\x1b" not in shown and "\u202e" not in shown
