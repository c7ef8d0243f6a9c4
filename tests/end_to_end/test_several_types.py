"""Several feature types in one pass: the same outputs as in separate runs, and none affects another."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.door import check_same_in_python
from support.media import moving_frames, waveform, write_audio, write_clip
from support.program import ROOT, TINY_PROGRAM, arrays, manifest, run, unfinished

from utils.run.prepare import RANDOM_WARNING

pytestmark = pytest.mark.bits  # of one run against another

SAVED = ("--device", "cpu", "--on_extraction", "save_numpy")
CLIPS = [ROOT / "sample" / "bouncing_shapes.mp4", ROOT / "sample" / "camera_pan.mp4"]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two clips with audio, one without, audio without frames, and a short clip."""
    folder = tmp_path_factory.mktemp("videos")
    return {
        "a": write_clip(folder / "a.mp4", moving_frames(60), audio=waveform(0, 2.4, 44100)),
        "b": write_clip(folder / "b.mp4", moving_frames(30, seed=1), audio=waveform(1, 1.2, 44100)),
        "silent": write_clip(folder / "silent.mp4", moving_frames(10, seed=2)),
        "speech": write_audio(folder / "speech.wav", waveform(3, 3.0, 16000), 16000),
        "short": write_clip(folder / "short.mp4", moving_frames(5, seed=4), audio=waveform(4, 0.2, 44100)),
    }


def assert_equal(ours: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """Compare bit for bit."""
    assert ours.keys() == expected.keys()
    for name, array in ours.items():
        np.testing.assert_array_equal(array, expected[name])


def test_one_pass_gives_what_separate_runs_give(tmp_path: Path, videos: dict[str, Path]) -> None:
    paths = ("--video_paths", *videos.values())
    both = run(
        "--feature_type", "tiny", "loudness", *SAVED, *paths, "--output_path", tmp_path / "both", program=TINY_PROGRAM
    )
    for name in ("tiny", "loudness"):
        run("--feature_type", name, *SAVED, *paths, "--output_path", tmp_path / "each", program=TINY_PROGRAM)
    assert both.returncode == 1, both.stderr
    assert_equal(arrays(tmp_path / "both"), arrays(tmp_path / "each"))
    lines = {name: manifest(tmp_path / "both" / name) for name in ("tiny", "loudness")}
    status = {name: {video: line["status"] for video, line in of_type.items()} for name, of_type in lines.items()}
    assert status == {
        "tiny": {"a": "done", "b": "done", "silent": "done", "short": "done", "speech": "failed"},
        "loudness": {"a": "done", "b": "done", "silent": "failed", "short": "failed", "speech": "done"},
    }
    assert "no video stream" in lines["tiny"]["speech"]["reason"]
    assert "no audio stream" in lines["loudness"]["silent"]["reason"]
    assert "too short" in lines["loudness"]["short"]["reason"]
    assert lines["tiny"]["a"]["feature_type"] == "tiny" and lines["tiny"]["a"]["decoded"] == 60
    assert lines["tiny"]["a"]["length_s"] == pytest.approx(60 / lines["tiny"]["a"]["fps"], abs=0.05)
    assert lines["loudness"]["a"]["length_s"] == pytest.approx(lines["tiny"]["a"]["length_s"], abs=0.2)
    assert not unfinished(tmp_path)


def test_only_the_type_that_lacks_a_video_is_run_again(tmp_path: Path, videos: dict[str, Path]) -> None:
    command = ("--feature_type", "tiny", "loudness", *SAVED, "--video_paths", videos["a"], videos["b"])
    assert run(*command, "--output_path", tmp_path, program=TINY_PROGRAM).returncode == 0
    before = arrays(tmp_path)
    (tmp_path / "loudness" / "b_loudness.npy").unlink()
    assert run(*command, "--output_path", tmp_path, program=TINY_PROGRAM).returncode == 0
    assert_equal(arrays(tmp_path), before)
    ids = {
        name: [json.loads(line)["name"] for line in (tmp_path / name / "manifest.jsonl").read_text().splitlines()]
        for name in ("tiny", "loudness")
    }
    assert {name: sorted(found) for name, found in ids.items()} == {"tiny": ["a", "b"], "loudness": ["a", "b", "b"]}


def test_what_is_printed_says_which_type_it_is(videos: dict[str, Path]) -> None:
    on_b = ("--device", "cpu", "--video_paths", videos["b"])
    result = run("--feature_type", "tiny", "loudness", *on_b, program=TINY_PROGRAM)
    assert result.returncode == 0, result.stderr
    for name in ("tiny", "loudness"):
        assert f"{name}: {videos['b']}\n{name}\n" in result.stdout
    alone = run("--feature_type", "tiny", *on_b, program=TINY_PROGRAM)
    assert alone.stdout.startswith(f"{videos['b']}\ntiny\n")


def test_tsn_and_vggish_of_real_clips(tmp_path: Path) -> None:
    flags = ("--weights", "random", *SAVED, "--video_paths", *CLIPS)
    small = ("--num_clips", 3, "--side_size", 64, "--crop_size", 64)  # of tsn
    both = run("--feature_type", "tsn", "vggish", *flags, *small, "--output_path", tmp_path / "both")
    assert both.returncode == 0, both.stderr
    assert both.stderr.count(RANDOM_WARNING) == both.stderr.count("MEAN NOTHING") == 1  # of two types and two videos
    of_tsn = {"num_clips": 3, "side_size": 64, "crop_size": 64}
    check_same_in_python(tmp_path / "both" / "tsn", "tsn", CLIPS, weights="random", **of_tsn)
    check_same_in_python(tmp_path / "both" / "vggish", "vggish", CLIPS, weights="random")
    ours = arrays(tmp_path / "both")
    assert ours["tsn/camera_pan_tsn.npy"].shape == (2048,)
    assert ours["vggish/camera_pan_vggish.npy"].shape == (5, 128)
