"""The same command again: it extracts what is missing, damaged or changed, and refuses other settings."""

import json
import os
import pickle
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.golden import relative_error
from support.media import moving_frames, waveform, write_audio, write_clip
from support.program import ROOT, TINY_PROGRAM, arrays, manifest, run, start, unfinished, until

from benchmarks.stalling_server import StallingServer
from featmill import UserError, load

VGGISH = ("--feature_type", "vggish", "--device", "cpu", "--weights", "random", "--on_extraction", "save_pickle")
MOST_S = 60  # until one of two runs is refused
ACROSS_RUNS = 1e-4  # relative, as in all golden cases: see "Bits" in docs/performance.md


@dataclass
class Resumed:
    """A command that has been run once over four audio files; each further run starts from what the last one left."""

    folder: Path
    files: dict[str, Path]

    def run(self, *flags: Any) -> subprocess.CompletedProcess[str]:
        """Run the command (again)."""
        return run(*VGGISH, "--video_paths", *self.files.values(), "--output_path", self.folder, *flags)

    def features(self, name: str) -> np.ndarray:
        """Return the saved features of a file."""
        return pickle.loads(self.path(name).read_bytes())

    def path(self, name: str) -> Path:
        """Return the output of a file."""
        return self.folder / "vggish" / f"{name}_vggish.pkl"


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> Resumed:
    folder = tmp_path_factory.mktemp("resumed")
    files = {name: write_audio(folder / f"{name}.wav", waveform(i, 2.0, 16000), 16000) for i, name in enumerate("abcd")}
    state = Resumed(folder, files)
    first = state.run()
    assert first.returncode == 0, first.stderr
    return state


def test_pickled_features_can_be_read(resumed: Resumed) -> None:
    for name in resumed.files:
        features = resumed.features(name)
        assert (features.shape, features.dtype) == ((2, 128), np.float32)
    assert {path.suffix for path in (resumed.folder / "vggish").iterdir()} == {".pkl", ".jsonl", ".json"}


def test_the_same_command_again_does_nothing_and_says_so(resumed: Resumed) -> None:
    before = {name: resumed.path(name).stat().st_mtime_ns for name in resumed.files}
    result = resumed.run()
    assert result.returncode == 0
    assert "4 more were done already" in result.stdout
    assert "0 videos in" in result.stdout
    assert {name: resumed.path(name).stat().st_mtime_ns for name in resumed.files} == before


def test_only_what_is_missing_damaged_or_changed_is_extracted_again(resumed: Resumed) -> None:
    before = {name: resumed.features(name) for name in resumed.files}
    resumed.path("a").unlink()
    flipped = bytearray(resumed.path("b").read_bytes())
    flipped[len(flipped) // 2] ^= 1
    resumed.path("b").write_bytes(flipped)
    n_bytes = resumed.files["c"].stat().st_size
    write_audio(resumed.files["c"], waveform(9, 3.0, 16000), 16000)
    untouched = resumed.path("d").stat().st_mtime_ns
    result = resumed.run()
    assert result.returncode == 0, result.stderr
    assert "1 more was done already" in result.stdout
    assert "3 done; 7 windows" in result.stdout
    changed = f"changed: {resumed.files['c']}: {n_bytes} bytes then, {n_bytes + 32000} now"
    assert "1 was extracted again, as the input is not what it was" in result.stdout and changed in result.stdout
    for name in "abd":
        assert relative_error(resumed.features(name), before[name]) < ACROSS_RUNS
    assert resumed.features("c").shape == (3, 128)
    assert resumed.path("d").stat().st_mtime_ns == untouched


def test_an_empty_manifest_is_called_empty(resumed: Resumed, tmp_path: Path) -> None:
    (tmp_path / "vggish").mkdir()
    (tmp_path / "vggish" / "manifest.jsonl").write_bytes(b"\n")
    for command in ("status", "view", "card"):
        result = run(command, tmp_path)
        assert result.returncode == 2
        assert f"{tmp_path}/vggish/manifest.jsonl is empty (1 byte, all blank or zero), so" in result.stderr
    with pytest.raises(UserError, match=r"manifest\.jsonl is empty"):
        load(tmp_path)
    again = run(*VGGISH, "--video_paths", resumed.files["a"], "--output_path", tmp_path)
    assert (again.returncode, "1 done" in again.stdout) == (0, True)
    assert f"{tmp_path}/vggish/manifest.jsonl is empty (1 byte, all blank or zero)" in again.stderr
    assert load(tmp_path)["a"].status == "done"


def test_overwrite_replaces_what_was_made_with_another_setting(resumed: Resumed) -> None:
    before = {name: resumed.features(name) for name in resumed.files}
    replaced = resumed.run("--preactivation", "--overwrite")
    assert replaced.returncode == 0, replaced.stderr
    for name in resumed.files:
        after = resumed.features(name)
        assert after.min() < 0
        assert relative_error(np.maximum(after, 0), before[name]) < ACROSS_RUNS
    again = resumed.run("--preactivation")
    assert again.returncode == 0
    assert "4 more were done already" in again.stdout


@pytest.mark.parametrize("on_extraction", ["save_numpy", "save_h5", "save_parquet"])
def test_outputs_of_another_video_of_the_same_name_are_kept(tmp_path: Path, on_extraction: str) -> None:
    files = [tmp_path / name / "clip.wav" for name in "ab"]
    for seed, path in enumerate(files):
        path.parent.mkdir()
        write_audio(path, waveform(seed, 2.0, 16000), 16000)
    command = (*VGGISH[:-1], on_extraction, "--output_path", tmp_path / "out", "--video_paths")
    assert run(*command, files[0]).returncode == 0
    other = run(*command, files[1])
    assert other.returncode == 1
    assert f"failed: {files[1]}: {files[0]} of an earlier run has outputs called 'clip'" in other.stdout
    assert "1 more was done already" in run(*command, files[0]).stdout
    written = map(json.loads, (tmp_path / "out/vggish/manifest.jsonl").read_text().splitlines())
    assert {line["id"]: line["status"] for line in written} == {str(files[0]): "done", str(files[1]): "failed"}
    assert load(tmp_path / "out")["clip"].status == "done"  # no other is called so
    assert run(*command, files[1], "--overwrite").returncode == 0


@pytest.fixture
def named_alike(tmp_path: Path) -> list[Path]:
    """Two folders, each with a clip.wav."""
    folders = [tmp_path / "a", tmp_path / "b"]
    for seed, folder in enumerate(folders):
        folder.mkdir()
        write_audio(folder / "clip.wav", waveform(seed, 2.0 + seed, 16000), 16000)
    return folders


def test_equal_relative_paths_in_two_working_folders_are_two_videos(tmp_path: Path, named_alike: list[Path]) -> None:
    one, other = named_alike
    command = (*VGGISH[:-1], "save_numpy", "--output_path", tmp_path / "out", "--video_paths")
    assert run(*command, "clip.wav", cwd=one).returncode == 0
    before = arrays(tmp_path / "out/vggish")
    refused = run(*command, "clip.wav", cwd=other)
    assert refused.returncode == 1
    assert f"{one}/clip.wav of an earlier run has outputs called 'clip', which would be replaced" in refused.stdout
    written = map(json.loads, (tmp_path / "out/vggish/manifest.jsonl").read_text().splitlines())
    assert {line["id"]: line["status"] for line in written} == {"clip.wav": "done", f"{other}/clip.wav": "failed"}
    assert relative_error(arrays(tmp_path / "out/vggish")["clip_vggish.npy"], before["clip_vggish.npy"]) == 0
    for spelled, cwd in (("clip.wav", one), ("./clip.wav", one), ("a/clip.wav", tmp_path), (one / "clip.wav", other)):
        result = run(*command, spelled, cwd=cwd)
        assert result.returncode == 0, result.stdout
        assert ("1 more was done already" in result.stdout) == (spelled == "clip.wav" and cwd == one)
    assert run(*command, "clip.wav", "--overwrite", cwd=other).returncode == 0
    assert len(arrays(tmp_path / "out/vggish")["clip_vggish.npy"]) == 3


def test_outputs_of_another_video_that_a_template_calls_the_same_are_kept(
    tmp_path: Path, named_alike: list[Path]
) -> None:
    command = (*VGGISH[:-1], "save_numpy", "--output_path", tmp_path / "out", "--video_root", tmp_path)
    command = (*command, "--name_template", "{stem}_{key}", "--video_paths")
    assert run(*command, "a/clip.wav").returncode == 0
    refused = run(*command, "b/clip.wav")
    assert refused.returncode == 1
    assert "a/clip.wav of an earlier run has outputs called 'clip_', which would be replaced" in refused.stdout
    assert "a --name_template with {relative}" in refused.stdout
    assert len(arrays(tmp_path / "out/vggish")["clip_vggish.npy"]) == 2
    assert "1 more was done already" in run(*command, "a/clip.wav").stdout


def test_a_data_set_is_moved_with_its_list(tmp_path: Path, named_alike: list[Path]) -> None:
    """Also one of which 0.2.0 left no folder in the manifest."""
    one, other = named_alike
    (one / "list.txt").write_text("clip.wav\n")
    command = (*VGGISH[:-1], "save_numpy", "--output_path", tmp_path / "out", "--video_list", "list.txt")
    assert run(*command, cwd=one).returncode == 0
    one.rename(tmp_path / "moved")
    assert "1 more was done already" in run(*command, cwd=tmp_path / "moved").stdout
    path = tmp_path / "out/vggish/manifest.jsonl"
    (line,) = map(json.loads, path.read_text().splitlines())
    assert line["source"].pop("folder") == str(one)
    path.write_text(f"{json.dumps(line)}\n")
    assert "1 more was done already" in run(*command, cwd=tmp_path / "moved").stdout
    (other / "list.txt").write_text("clip.wav\n")
    replaced = run(*command, cwd=other)
    n_bytes = [(folder / "clip.wav").stat().st_size for folder in (tmp_path / "moved", other)]
    changed = f"changed: clip.wav: {n_bytes[0]} bytes then, {n_bytes[1]} now"
    assert replaced.returncode == 0 and changed in replaced.stdout


def test_one_name_below_two_roots_is_two_videos_also_in_the_list_of_features(
    tmp_path: Path, named_alike: list[Path]
) -> None:
    for folder, code in zip(named_alike, (0, 1), strict=True):
        out, gathered = tmp_path / "out", tmp_path / f"{folder.name}.json"
        flags = ("--output_path", out, "--out", gathered, "--video_root", folder, "--video_paths", "clip.wav")
        assert run(*VGGISH[:-1], "save_numpy", *flags).returncode == code
    first, second = (json.loads((tmp_path / f"{name}.json").read_text()) for name in "ab")
    assert (len(first[0]), second) == (2, [None])
    assert load(tmp_path / "out")["clip"].status == "done"


def test_equal_relative_paths_are_two_videos_at_the_same_moment(tmp_path: Path) -> None:
    for seed, name in enumerate("ab"):
        (tmp_path / name).mkdir()
        write_clip(tmp_path / name / "clip.mp4", moving_frames(6 + seed, seed=seed))
    out = tmp_path / "out"
    command = ("--feature_type", "tiny", "--device", "cpu", "--on_extraction", "save_numpy", "--output_path", out)
    command = (*command, "--pause_s", 0.5, "--video_paths", "clip.mp4")
    first = start(*command, cwd=tmp_path / "a", program=TINY_PROGRAM)
    until(lambda: list(out.glob(".featmill/claims/??/*")), first)
    os.killpg(first.pid, signal.SIGSTOP)  # so that it is not done before the other has started
    second = start(*command, cwd=tmp_path / "b", program=TINY_PROGRAM)
    until(lambda: len(list(out.glob(".featmill/claims/run-*"))) == 2, second)
    time.sleep(2)  # it would extract by now, if it could
    os.killpg(first.pid, signal.SIGCONT)
    printed = [process.communicate(timeout=300)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 1), printed
    assert f"{tmp_path}/a/clip.mp4 of an earlier run has outputs called 'clip'" in printed[1]
    assert len(load(out)["clip"]["tiny"]) == 6


@pytest.mark.parametrize("on_extraction", ["save_numpy", "save_h5"])
def test_outputs_of_another_video_of_the_same_name_are_kept_at_the_same_moment(
    tmp_path: Path, on_extraction: str
) -> None:
    for seed, name in enumerate("ab"):
        (tmp_path / name).mkdir()
        write_clip(tmp_path / name / "clip.mp4", moving_frames(5 + seed, seed=seed))
    out = tmp_path / "out"
    command = ("--feature_type", "tiny", "--device", "cpu", "--on_extraction", on_extraction, "--output_path", out)
    with StallingServer(tmp_path) as server:
        server.faults += ["hold"] * 100  # so that neither is done before the other has started
        urls = [f"{server.url}/{name}/clip.mp4" for name in "ab"]
        together = [start(*command, "--video_paths", url, program=TINY_PROGRAM) for url in urls]
        for process in together:
            until(lambda: len(list(out.glob(".featmill/claims/run-*"))) == len(urls), process)
        time.sleep(2)  # both would extract by now
        server.released.set()
        printed = [process.communicate(timeout=300)[0] for process in together]
    codes = [process.returncode for process in together]
    assert sorted(codes) == [0, 1], printed
    won, lost = codes.index(0), codes.index(1)
    assert f"failed: {urls[lost]}: {urls[won]} of an earlier run has outputs called 'clip'" in printed[lost]
    assert "choose another --output_path" in printed[lost]
    assert len(load(out)["clip"]["tiny"]) == 5 + won
    written = map(json.loads, (out / "tiny/manifest.jsonl").read_text().splitlines())
    assert {line["id"]: line["status"] for line in written} == {urls[won]: "done", urls[lost]: "failed"}
    assert not unfinished(out)


def test_of_two_runs_that_start_together_with_other_settings_one_is_refused(tmp_path: Path) -> None:
    """Whichever comes first works on alone: its rows, its times, nothing of the other's."""
    command = (
        "--feature_type", "timm", "--model_name", "test_vit", "--weights", "random", "--device", "cpu", "--quiet",
        "--on_extraction", "save_numpy", "--output_path", tmp_path, "--video_paths",
    )  # fmt: skip
    rates = (5.0, 2.0)
    with StallingServer(ROOT / "sample") as server:
        server.faults += ["hold"] * 100  # so that neither is done before the other has started
        together = [start(*command, f"{server.url}/camera_pan.mp4", "--extraction_fps", rate) for rate in rates]
        until_s = time.monotonic() + MOST_S
        while all(process.poll() is None for process in together) and time.monotonic() < until_s:
            time.sleep(0.05)
        server.released.set()
        errors = [process.communicate(timeout=300)[1] for process in together]
    codes = [process.returncode for process in together]
    assert sorted(codes) == [0, 2], errors
    won, lost = codes.index(0), codes.index(2)
    assert f"another run is working here with other settings (extraction_fps: {rates[won]} there" in errors[lost]
    assert f"{rates[lost]} now): choose another --output_path, or wait" in errors[lost]
    (line,) = manifest(tmp_path / "timm").values()
    saved = arrays(tmp_path / "timm")
    assert line["status"] == "done" and len(saved["camera_pan_timm.npy"]) == len(saved["camera_pan_start_s.npy"])
    np.testing.assert_allclose(np.diff(saved["camera_pan_start_s.npy"]), 1 / rates[won], atol=1e-3)
