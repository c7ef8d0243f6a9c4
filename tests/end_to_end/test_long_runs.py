"""Runs that share work or stop early, and runs whose folders vanish; what `status` and the log say of them."""

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.media import moving_frames, write_clip
from support.program import TINY_PROGRAM, manifest, run, start, unfinished, until

from benchmarks.stalling_server import StallingServer

TINY = ("--feature_type", "tiny", "--device", "cpu", "--on_extraction", "save_npz")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Twelve clips of 8 frames."""
    folder = tmp_path_factory.mktemp("clips")
    return [write_clip(folder / f"{i:02d}.mp4", moving_frames(8, seed=i)) for i in range(12)]


def lines(folder: Path) -> list[dict[str, Any]]:
    """Return all manifest lines."""
    text = (folder / "manifest.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines() if line]  # one that a killed run began may be empty


def test_runs_on_one_folder_share_the_work_and_take_over_from_a_killed_one(tmp_path: Path, clips: list[Path]) -> None:
    command = (*TINY, "--video_paths", *clips, "--output_path", tmp_path)
    killed = start(*command, "--pause_s", 10, program=TINY_PROGRAM)
    until(lambda: any((tmp_path / ".featmill" / "claims").glob("*/*.0000")), killed)
    others = [start(*command, "--pause_s", 0.05, program=TINY_PROGRAM) for _ in range(2)]
    until(lambda: (tmp_path / "tiny" / "manifest.jsonl").exists(), others[0])
    killed.kill()
    killed.communicate()
    said = [process.communicate(timeout=120) for process in others]
    assert [process.returncode for process in others] == [0, 0], said
    assert Counter(line["id"] for line in lines(tmp_path / "tiny")) == Counter(map(str, clips))
    assert {line["status"] for line in lines(tmp_path / "tiny")} == {"done"}
    assert len({line["run"] for line in lines(tmp_path / "tiny")}) == 2  # both did some of the work
    assert not unfinished(tmp_path)
    logs = [json.loads(path.read_text()) for path in tmp_path.glob("log_*.json")]
    assert sorted(name for log in logs for name in log["videos"]) == sorted(map(str, clips))
    assert all({"hostname", "pid", "timestamp", "time", "shards"} <= log.keys() for log in logs)


def test_shard_limit_and_check_progress(tmp_path: Path, clips: list[Path]) -> None:
    progress, output = tmp_path / "finished.txt", tmp_path / "out"
    progress.write_text(f"{clips[0]}\n")
    command = (*TINY, "--video_paths", *clips, "--output_path", output, "--check_progress", progress)
    result = run(*command, "--shard", "1/3", "--limit", 2, program=TINY_PROGRAM)
    assert result.returncode == 0, result.stderr
    assert "2 videos in" in result.stdout
    assert set(manifest(output / "tiny")) == {"01", "04"}
    result = run(*command, "--shard", "0/3", program=TINY_PROGRAM)
    assert "3 videos in" in result.stdout and "1 more was done already" in result.stdout
    assert set(manifest(output / "tiny")) == {"01", "04", "03", "06", "09"}
    assert sorted(progress.read_text().splitlines()) == [str(clips[i]) for i in (0, 1, 3, 4, 6, 9)]
    status = run("status", output)
    assert status.returncode == 0
    assert "5 done, 0 partial, 0 skipped, 0 failed; 40 windows" in status.stdout
    assert "7 of 12 left" in status.stdout
    (only,) = json.loads(run("status", output, "--json").stdout)
    assert (only["done"], only["left"], only["causes"]) == (5, 7, [])


def test_a_decoder_that_hangs_fails_only_its_video(tmp_path: Path, clips: list[Path]) -> None:
    with StallingServer(clips[0].parent) as server:
        server.faults += ["stall"] * 2
        urls = [f"{server.url.replace('//', '//user:secret@')}/{clips[0].name}?token=hidden"]
        result = run(
            *TINY, "--video_paths", *urls, *clips[1:4], "--video_timeout", 1.5, "--max_retries", 1, "--output_path",
            tmp_path, program=TINY_PROGRAM,
        )  # fmt: skip
    assert result.returncode == 1, result.stderr
    assert "3 done, 1 failed" in result.stdout
    shown = f"{server.url}/00.mp4?token=…"
    reason = f"{shown}: the worker was ended, as the decoder gave nothing for 1.5 s (--video_timeout), 2 times"
    assert reason in result.stdout
    everything = result.stdout + result.stderr + "".join(path.read_text() for path in tmp_path.rglob("*.json*"))
    assert "secret" not in everything and "hidden" not in everything
    status = run("status", tmp_path)
    assert status.returncode == 1
    assert (
        "1 failed: the worker was ended, as the decoder gave nothing for 1.5 s (--video_timeout), 2 times"
        in status.stdout
    )


def test_a_run_stops_when_a_folder_vanishes_and_does_not_recreate_it(tmp_path: Path, clips: list[Path]) -> None:
    """First the folder of the videos, then that of the outputs; the third run finishes what is left."""
    folder, output = tmp_path / "videos", tmp_path / "out"
    folder.mkdir()
    for clip in clips:
        (folder / clip.name).hardlink_to(clip)
    command = (*TINY, "--input_dir", folder, "--output_path", output)
    found = output / "tiny" / "manifest.jsonl"
    process = start(*command, "--pause_s", 0.1, program=TINY_PROGRAM)
    until(found.exists, process)
    folder.rename(tmp_path / "unmounted")
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 3, stderr
    assert f"error: {folder}: the folder of the videos is gone (unmounted?)" in stderr
    (tmp_path / "unmounted").rename(folder)
    size, before = found.stat().st_size, lines(output / "tiny")
    process = start(*command, "--pause_s", 0.1, program=TINY_PROGRAM)
    until(lambda: found.stat().st_size > size, process)
    output.rename(tmp_path / "unmounted")
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 3, stderr
    assert "the output folder is gone; restore it and run the same command again" in stderr
    assert "Traceback" not in stderr
    assert not output.exists()
    (tmp_path / "unmounted").rename(output)
    result = run(*command, program=TINY_PROGRAM)
    assert result.returncode == 0, result.stderr
    done = {line["id"] for line in before if line["status"] == "done"}
    left = {str(folder / clip.name) for clip in clips} - done  # what failed as the folder vanished is tried again
    assert Counter(line["id"] for line in lines(output / "tiny")[len(before) :]) == Counter(left)
    assert {line["status"] for line in manifest(output / "tiny").values()} == {"done"}
    assert not unfinished(output)


def test_status_needs_a_folder_of_outputs(tmp_path: Path) -> None:
    result = run("status", tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith(f"error: {tmp_path}: no manifest.jsonl there")


def test_the_stalling_server_serves(clips: list[Path]) -> None:
    """Without this, the test of a decoder that hangs would pass even if the server served nothing."""
    from utils.media.input import UrlFile

    with StallingServer(clips[0].parent) as server:
        file = UrlFile(f"{server.url}/{clips[0].name}", "a video")
        with file.open() as stream:
            assert np.array_equal(np.frombuffer(stream.read(), np.uint8), np.fromfile(clips[0], np.uint8))
        assert threading.active_count() > 1
