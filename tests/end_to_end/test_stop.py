"""Runs that are stopped, and runs whose processes are killed: what they leave, and how the next run resumes."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.media import moving_frames, write_clip
from support.program import (
    ROOT,
    TINY_PROGRAM,
    arrays,
    has_manifest,
    interrupt_group,
    is_running,
    manifest,
    read_up_to,
    run,
    start,
    start_anew,
    unfinished,
    until,
    workers,
)

FIRST_ANSWER = "finished first; Ctrl-C again stops at once"
TINY = ("--feature_type", "tiny", "--device", "cpu", "--on_extraction", "save_numpy")


@pytest.fixture(scope="module")
def tiny_clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Twelve clips of 8 frames."""
    folder = tmp_path_factory.mktemp("tiny")
    return [write_clip(folder / f"{i}.mp4", moving_frames(8, seed=i)) for i in range(12)]


def test_ctrl_c_while_the_program_is_imported_is_said_in_a_line() -> None:
    program = """
import sys, main
class Interrupted:
    def find_spec(self, name, *_):
        if name == "models":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
sys.exit(main.main(["--help"]))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "stopped; run the same command again to resume\n")


def assert_stopped(returncode: int, expected: int, stdout: str, stderr: str, worker: int) -> None:
    """Check how a stopped run has ended."""
    assert returncode == expected, stderr
    assert f"stopped by {signal.Signals(expected - 128).name}; run the same command again to resume" in stdout
    assert "not done" in stdout
    assert "Traceback" not in stderr
    assert not is_running(worker)


@pytest.mark.parametrize(
    ("name", "expected", "in_progress"),
    [("Ctrl-C", 130, "finished"), ("Ctrl-C twice", 130, "dropped"), ("SIGTERM", 143, "dropped")],
)
def test_a_stopped_run_leaves_whole_files_and_the_same_command_resumes_it(
    tmp_path: Path, tiny_clips: list[Path], name: str, expected: int, in_progress: str
) -> None:
    command = (*TINY, "--video_paths", *tiny_clips, "--output_path", tmp_path)
    process = start(*command, "--pause_s", 0.2, program=TINY_PROGRAM)
    until(lambda: has_manifest(tmp_path / "tiny"), process)
    (worker,) = workers(process.pid)
    if name == "SIGTERM":
        process.terminate()  # the main process alone, as `kill` does
    else:
        interrupt_group(process)
    answer, n_finished = "", 12
    if name == "Ctrl-C twice":
        answer = read_up_to(FIRST_ANSWER, process)
        n_finished = len(manifest(tmp_path / "tiny"))
        interrupt_group(process)
    stdout, stderr = process.communicate(timeout=300)
    stderr = answer + stderr
    assert_stopped(process.returncode, expected, stdout, stderr, worker)
    assert (FIRST_ANSWER in stderr) == (name != "SIGTERM")
    kept = {name: line["finished"] for name, line in manifest(tmp_path / "tiny").items()}
    assert (1 if in_progress == "dropped" else 2) <= len(kept) < 12
    assert len(kept) <= n_finished + 1  # of several in progress: each takes 1.6 s
    assert not unfinished(tmp_path)
    result = run(*command, "--pause_s", 0, program=TINY_PROGRAM)
    assert result.returncode == 0, result.stderr
    assert f"{12 - len(kept)} videos in" in result.stdout
    assert f"{len(kept)} more {'was' if len(kept) == 1 else 'were'} done already" in result.stdout
    assert len(arrays(tmp_path / "tiny")) == 12 * len(("tiny", "fps", "timestamps_ms", "start_s", "end_s"))
    assert kept.items() <= {name: line["finished"] for name, line in manifest(tmp_path / "tiny").items()}.items()


def test_workers_end_when_the_main_process_is_killed(tmp_path: Path, tiny_clips: list[Path]) -> None:
    process = start_anew(
        *TINY, "--pause_s", 0.05, "--video_paths", *tiny_clips, "--output_path", tmp_path, program=TINY_PROGRAM
    )
    until(lambda: has_manifest(tmp_path / "tiny"), process)
    (worker,) = workers(process.pid)
    process.kill()
    _, stderr = process.communicate(timeout=300)  # ends when the worker, which shares the pipe, is gone
    assert "the main process is gone, so this worker stops" in stderr
    assert not is_running(worker)
    result = run(*TINY, "--video_paths", *tiny_clips, "--output_path", tmp_path, program=TINY_PROGRAM)
    assert result.returncode == 0, result.stderr
    assert not unfinished(tmp_path)


def test_a_video_that_kills_each_worker_fails_and_the_others_finish(tmp_path: Path, tiny_clips: list[Path]) -> None:
    killer = write_clip(tmp_path / "killer.mp4", np.zeros((8, 48, 64, 3), np.uint8))
    result = run(
        *TINY, "--num_workers", 2, "--pause_s", 0.01, "--video_paths", *tiny_clips[:4], killer, *tiny_clips[4:],
        "--max_retries", 1, "--output_path", tmp_path, program=TINY_PROGRAM,
    )  # fmt: skip
    assert result.returncode == 1, result.stderr
    reason = f"{killer}: the worker was ended by SIGKILL (out of memory?) 2 times while it held this video"
    assert f"  failed: {reason}" in result.stdout
    assert "12 done, 1 failed" in result.stdout
    lines = manifest(tmp_path / "tiny")
    assert (lines["killer"]["status"], lines["killer"]["reason"]) == ("failed", reason)
    assert {line["status"] for name, line in lines.items() if name != "killer"} == {"done"}
    assert len(arrays(tmp_path / "tiny")) == 12 * len(("tiny", "fps", "timestamps_ms", "start_s", "end_s"))
    assert not unfinished(tmp_path)
