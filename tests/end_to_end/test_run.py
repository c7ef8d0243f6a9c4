"""Whole runs through main.py: several workers, a worker that dies, outputs, and requests that are refused."""

import json
import os
import re
import signal
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from support.golden import relative_error
from support.media import moving_frames, write_clip
from support.program import TINY_PROGRAM, arrays, has_manifest, manifest, run, start, unfinished, until, workers

from models import MODELS

SMALL = ("--feature_type", "i3d", "--device", "cpu", "--stack_size", 10, "--step_size", 10, "--min_side_size", 224)
I3D = (*SMALL, "--weights", "random", "--on_extraction", "save_numpy")
RGB = (*I3D, "--streams", "rgb")
TINY = ("--feature_type", "tiny", "--device", "cpu", "--on_extraction", "save_numpy")
LENGTHS = {"a": 23, "b": 12, "c": 3, "d": 12, "e": 12}  # frames of each clip: 2 windows, then 1 each


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")
    return {
        name: write_clip(folder / f"{name}.mp4", moving_frames(n, seed=n + i))
        for i, (name, n) in enumerate(LENGTHS.items())
    }


@pytest.fixture(scope="module")
def one_worker(tmp_path_factory: pytest.TempPathFactory, clips: dict[str, Path]) -> Path:
    """Features of both streams of three clips, by one worker; a fourth file in the list is missing."""
    folder = tmp_path_factory.mktemp("one")
    paths = [clips["a"], folder / "absent.mp4", clips["b"], clips["c"]]
    (folder / "list.txt").write_text("# three clips and one that is missing\n\n" + "\n".join(map(str, paths)))
    result = run(*I3D, "--file_with_video_paths", folder / "list.txt", "--output_path", folder)
    assert result.returncode == 1, result.stderr
    assert "4 videos in" in result.stdout
    assert "3 done, 1 failed; 4 windows" in result.stdout
    assert f"failed: {folder / 'absent.mp4'}: no such file" in result.stdout
    return folder / "i3d"


def assert_same(ours: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """Compare the arrays of the same names."""
    assert {name: relative_error(array, expected[name]) for name, array in ours.items()} == {
        name: pytest.approx(0, abs=1e-6) for name in ours
    }


def test_a_missing_video_fails_alone(one_worker: Path) -> None:
    lines = manifest(one_worker)
    assert {name: line["status"] for name, line in lines.items()} == dict.fromkeys("abc", "done") | {"absent": "failed"}
    assert len(arrays(one_worker)) == 3 * len(("rgb", "flow", "fps", "timestamps_ms", "start_s", "end_s"))
    assert lines["c"]["repeated"] == 8
    assert lines["c"]["weights"] == {"i3d_rgb": "random", "i3d_flow": "random", "pwc": "random"}


def test_two_workers_give_the_features_of_one(tmp_path: Path, clips: dict[str, Path], one_worker: Path) -> None:
    order = [clips[name] for name in "cba"]
    result = run(*RGB, "--num_workers", 2, "--video_paths", *order, "--output_path", tmp_path)
    assert result.returncode == 0, result.stderr
    ours, expected = arrays(tmp_path / "i3d"), arrays(one_worker)
    assert ours.keys() == {name for name in expected if not name.endswith("_flow.npy")}
    assert_same(ours, expected)


def test_print_shows_values_and_predictions_and_leaves_no_file(
    tmp_path: Path, clips: dict[str, Path], one_worker: Path
) -> None:
    result = run(
        *SMALL, "--streams", "rgb", "--weights", "random", "--on_extraction", "print", "--show_pred", "--quiet",
        "--video_paths", clips["b"], "--output_path", tmp_path / "out",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert not (tmp_path / "out").exists()
    (warning,) = result.stderr.splitlines()  # --quiet leaves only this
    assert "FEATURES MEAN NOTHING" in warning
    lines = result.stdout.splitlines()
    rgb = np.load(one_worker / "b_rgb.npy")
    shown = next(line for line in lines if line.startswith("shape: [1, 1024]"))
    numbers = [float(part.split(": ")[1]) for part in shown.split("; ")[1:]]
    np.testing.assert_allclose(numbers, [rgb.max(), rgb.mean(), rgb.min()], atol=1e-5)
    assert lines[lines.index("fps") + 1] == "25.0"
    assert lines[lines.index("timestamps_ms") + 1] == "[400.]"
    title = lines.index("b.mp4 window 0 (ends at 0.400 s) rgb")
    rows = [line.split(maxsplit=2) for line in lines[title + 1 : title + 6]]
    logits, probabilities = ([float(row[i]) for row in rows] for i in (0, 1))
    assert logits == sorted(logits, reverse=True)
    assert min(probabilities) > 0 and sum(probabilities) <= 1.0001
    assert all(not row[2].startswith("class ") for row in rows)  # names of Kinetics-400


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--video_paths", "x/same.mp4", "y/same.mp4"], r"would both write outputs called 'same'.*--video_root"),
        (["--file_with_video_paths", "absent.txt"], "--file_with_video_paths absent.txt: no such file"),
        ([], "--video_paths"),
        (["--video_paths", "a.mp4", "--device_ids", "99"], "no such GPU; existing ones: (none|0)"),
        (["--video_paths", "a.mp4", "--stack_size", "9"], "--stack_size is 9; it must be at least 10 frames"),
        (["--video_paths", "a.mp4", "--i3d_rgb_path", "absent.pt"], "absent.pt: no such checkpoint"),
        (["--video_paths", "a.mp4", "--weights_dir", "absent"], "--weights_dir absent: no such folder"),
    ],
)
def test_wrong_requests_are_refused_before_any_work(tmp_path: Path, flags: list[str], message: str) -> None:
    result = run("--feature_type", "i3d", *flags, "--on_extraction", "save_numpy", "--output_path", "out", cwd=tmp_path)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert re.search(message, line)
    assert not list(tmp_path.iterdir())


def test_models_names_every_feature_type_and_its_files() -> None:
    result = run("models")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 80
    rows = {line.split()[0]: line for line in lines[1:] if line}
    assert {"i3d", "vggish", "tsn", "timm", "resnet"} <= rows.keys()
    assert "2 x [windows, 1024]" in rows["i3d"] and "Apache-2.0" in rows["vggish"]
    assert rows["i3d"].split()[5:8] == ["12.7M", "222", "~140"]


def test_models_shows_those_that_have_a_word_in_full() -> None:
    result = run("models", "raft", "YouTube", "facebook/vjepa2-vitl-fpc64-256", "--weights-dir", "absent")
    assert result.returncode == 0, result.stderr
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert [line.split(":")[0] for line in result.stdout.splitlines() if not line.startswith(" ") and line] == [
        "i3d", "vggish", "raft", "transformers"
    ]  # fmt: skip
    for text in ("i3d_rgb.pt (~51 MB, default,", "raft-sintel.pth (~21 MB", "npz (0.07302 MB", "licence: Apache-2.0"):
        assert text in result.stdout
    assert "from: https://github.com/princeton-vl/RAFT" in result.stdout
    assert "network vjepa2: facebook/vjepa2-vitl-fpc64-256: 1024 numbers a row" in result.stdout
    assert "no feature type has zzz" in run("models", "zzz").stderr
    vggish, panns, tsn = json.loads(run("models", "tsn", "sound", "--json").stdout)
    assert vggish["media"] == panns["media"] == "audio"
    assert (tsn["feature_type"], tsn["outputs"]) == ("tsn", {"tsn": "[2048]"})
    assert [(file["default"], file["megabytes"]) for file in tsn["checkpoints"]] == [(True, 98), (False, 98)]
    assert tsn["networks"][0]["dimension"] == 2048 and tsn["golden_error"] < 1e-5
    every = json.loads(run("models", "--json").stdout)
    assert len(every) == len(MODELS) and all(file["megabytes"] for about in every for file in about["checkpoints"])


def test_weights_of_an_unknown_type_are_refused() -> None:
    result = run("weights", "fetch", "vgish")
    assert result.returncode == 2
    assert "vgish: no such feature type; choose from i3d" in result.stderr
    assert "did you mean vggish?" in result.stderr


def test_a_failed_download_names_the_remedies(tmp_path: Path, clips: dict[str, Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed_port = server.getsockname()[1]
    proxy = f"http://127.0.0.1:{closed_port}"
    env = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), proxy)
    env |= {"no_proxy": "", "NO_PROXY": "", "FEATMILL_WEIGHTS": str(tmp_path / "weights")}
    result = run("--feature_type", "i3d", "--streams", "rgb", "--video_paths", clips["a"], env=env)
    assert result.returncode == 2
    assert "error: i3d_rgb.pt could not be downloaded from https://" in result.stderr
    for advice in ("--weights_dir", str(tmp_path / "weights" / "i3d_rgb.pt"), "weights fetch", "--weights random"):
        assert advice in result.stderr


def test_a_checkpoint_of_another_layout_is_refused_with_its_tensors(tmp_path: Path, clips: dict[str, Path]) -> None:
    torch.save({"resnet.weight": torch.zeros(3)}, tmp_path / "i3d_rgb.pt")
    result = run(
        *SMALL, "--streams", "rgb", "--video_paths", clips["a"], "--weights_dir", tmp_path, "--on_extraction",
        "save_numpy", "--output_path", tmp_path / "out",
    )  # fmt: skip
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    error = result.stderr.splitlines()[-1]
    assert error.startswith(f"error: {tmp_path / 'i3d_rgb.pt'}: not a checkpoint of I3D")
    assert "missing: conv3d_1a_7x7.conv3d.weight" in error
    assert "1 unexpected: resnet.weight" in error
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_cannot_be_written_is_found_before_any_work(
    tmp_path: Path, clips: dict[str, Path]
) -> None:
    (tmp_path / "out").touch()
    result = run(*TINY, "--video_paths", clips["a"], "--output_path", tmp_path / "out", program=TINY_PROGRAM)
    assert result.returncode == 3
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert f"{tmp_path / 'out'}" in errors[0] and "cannot be written" in errors[0]
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_an_output_that_cannot_be_written_stops_the_run(tmp_path: Path, clips: dict[str, Path]) -> None:
    (tmp_path / "out" / "tiny" / "a_tiny.npy").mkdir(parents=True)  # a folder, which no file can replace
    result = run(*TINY, "--video_paths", clips["a"], "--output_path", tmp_path / "out", program=TINY_PROGRAM)
    assert result.returncode == 3
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "a_tiny.npy: cannot be written" in errors[0]
    assert "Traceback" not in result.stderr
    assert "1 not done" in result.stdout
    assert not unfinished(tmp_path / "out")


def test_a_run_outlives_its_worker(tmp_path: Path, clips: dict[str, Path], one_worker: Path) -> None:
    process = start(*RGB, "--video_paths", *clips.values(), "--output_path", tmp_path)
    until(lambda: has_manifest(tmp_path / "i3d"), process)
    (worker,) = workers(process.pid)
    os.kill(worker, signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert "the worker on cpu was ended by SIGKILL (out of memory?); trying this video alone" in stderr
    assert "5 done" in stdout
    assert_finished(tmp_path / "i3d", one_worker)


def assert_finished(folder: Path, reference: Path) -> None:
    """Check that all clips have their RGB features, and only them."""
    lines = manifest(folder)
    assert {name: line["status"] for name, line in lines.items()} == dict.fromkeys(LENGTHS, "done")
    ours, keys = arrays(folder), ("rgb", "fps", "timestamps_ms", "start_s", "end_s")
    assert ours.keys() == {f"{name}_{key}.npy" for name in LENGTHS for key in keys}
    assert not unfinished(folder)
    assert_same({f"{name}_{key}.npy": ours[f"{name}_{key}.npy"] for name in "abc" for key in keys}, arrays(reference))
