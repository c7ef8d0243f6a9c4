"""Files with several pictures or sounds: FFmpeg's choice among them, and the user's."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from av.stream import Disposition
from support.program import ROOT, manifest, run
from support.tracks import Track, write_programs, write_tracks

PROGRAM = ROOT / "tests" / "support" / "tiny_program.py"
DEFAULT, FOR_BLIND, NONE = Disposition.default, Disposition.visual_impaired, Disposition(0)
FILM = [
    Track("video", 60),
    Track("audio", 0.1, "fre"),
    Track("video", 180, flags=DEFAULT),
    Track("audio", 0.3, "eng", DEFAULT),
    Track("audio", 0.5, "eng", FOR_BLIND),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tracks")
    write_tracks(folder / "film.mkv", FILM)
    write_tracks(folder / "plain.mkv", [Track("video", 120), Track("audio", 0.2, "eng")])
    radio = [Track("audio", 0.1), Track("audio", 0.1)]
    write_programs(folder / "channels.ts", [radio, [Track("video", 90), Track("audio", 0.4)]])
    return folder


def extract(output: Path, *flags: Any, code: int = 0) -> dict[str, float | str]:
    """Return by "type name" the mean of what was extracted; of what failed, the reason."""
    always = ("--feature_type", "tiny", "loudness", "--device", "cpu", "--on_extraction", "save_numpy")
    done = run(*always, "--output_path", output, *flags, program=PROGRAM)
    assert done.returncode == code, (done.stdout, done.stderr)
    found: dict[str, float | str] = {}
    for kind in ("tiny", "loudness"):
        for name, line in manifest(output / kind).items():
            path = output / kind / f"{name}_{kind}.npy"
            found[f"{kind} {name}"] = float(np.load(path).mean()) if line["status"] == "done" else line["reason"]
    return found


def test_the_choice_of_ffmpeg(folder: Path, tmp_path: Path) -> None:
    """The picture and sound with the default flag; in a recording of several channels, the sound of the picture's."""
    found = extract(tmp_path, "--input_dir", folder)
    assert found == {
        "tiny film": pytest.approx(180, abs=1),
        "loudness film": pytest.approx(0.3, abs=0.01),
        "tiny plain": pytest.approx(120, abs=1),
        "loudness plain": pytest.approx(0.2, abs=0.01),
        "tiny channels": pytest.approx(90, abs=1),
        "loudness channels": pytest.approx(0.4, abs=0.02),
    }


def test_the_choice_of_the_user(folder: Path, tmp_path: Path) -> None:
    source = ("--input_dir", folder, "--glob", "*.mkv")
    numbers = extract(tmp_path / "numbers", *source, "--video_track", "0", "--audio_track", "2", code=1)
    assert numbers["tiny film"] == pytest.approx(60, abs=1)
    assert numbers["loudness film"] == pytest.approx(0.5, abs=0.01)
    assert numbers["tiny plain"] == pytest.approx(120, abs=1)
    assert str(numbers["loudness plain"]).endswith(
        "no audio track 2 that can be decoded. Its audio tracks are 0: flac, eng."
    )
    by_language = extract(tmp_path / "language", *source, "--audio_track", "fr", code=1)
    assert by_language["loudness film"] == pytest.approx(0.1, abs=0.01)
    assert "no audio track fr" in str(by_language["loudness plain"])
    english = extract(tmp_path / "english", *source, "--audio_track", "en-GB")
    assert english["loudness film"] == pytest.approx(0.3, abs=0.01)


def test_another_track_is_another_setting(folder: Path, tmp_path: Path) -> None:
    source = ("--video_paths", folder / "film.mkv", "--output_path", tmp_path, "--on_extraction", "save_numpy")
    flags = ("--feature_type", "tiny", "loudness", "--device", "cpu", *source)
    assert run(*flags, "--audio_track", "eng", program=PROGRAM).returncode == 0
    again = run(*flags, program=PROGRAM)
    assert again.returncode == 2
    assert "audio_track: eng there, None now" in again.stderr
    assert run(*flags, "--audio_track", "english language", program=PROGRAM).returncode == 2
