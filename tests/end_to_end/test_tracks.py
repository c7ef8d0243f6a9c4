"""Files with several pictures or sounds: FFmpeg's choice among them, and the user's."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from av.stream import Disposition
from support.program import manifest, run
from support.tracks import Track, write_animation, write_programs, write_tracks

DEFAULT, FOR_BLIND = Disposition.default, Disposition.visual_impaired
FILM = [
    Track("video", 60),
    Track("audio", 0.1, "fre"),
    Track("video", 180, flags=DEFAULT),
    Track("audio", 0.3, "eng", DEFAULT),
    Track("audio", 0.5, "eng", FOR_BLIND),
]
KNOWN = {60: 0.1, 180: 0.3, 90: 0.4, 120: 0.2}  # level → loudness, of the streams of files that have one of each
TYPES = (
    "--feature_type", "resnet", "vggish", "--weights", "random", "--model_name", "resnet18",
    "--resnet.extraction_fps", 5, "--device", "cpu", "--on_extraction", "save_numpy",
)  # fmt: skip
Found = dict[str, dict[str, np.ndarray | str]]  # by feature type and name: the features, or why there are none


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tracks")
    write_tracks(folder / "film.mkv", FILM)
    write_tracks(folder / "plain.mkv", [Track("video", 120), Track("audio", 0.2, "eng")])
    radio = [Track("audio", 0.1), Track("audio", 0.1)]
    write_programs(folder / "channels.ts", [radio, [Track("video", 90), Track("audio", 0.4)]])
    write_animation(folder / "animation.avif", 5)
    (folder / "known").mkdir()
    for level, loudness in KNOWN.items():
        write_tracks(folder / "known" / f"{level}.mkv", [Track("video", level), Track("audio", loudness)])
    return folder


def extract(output: Path, *flags: Any) -> Found:
    """Return what was extracted; one video has no sound, or lacks the track."""
    done = run(*TYPES, "--output_path", output, *flags)
    assert done.returncode == 1, (done.stdout, done.stderr)
    found: Found = {}
    for kind, key in (("resnet", "resnet"), ("vggish", "vggish")):
        lines = manifest(output / kind).items()
        found[kind] = {
            name: line["reason"] if line["status"] == "failed" else np.load(output / kind / f"{name}_{key}.npy")
            for name, line in lines
        }
    return found


@pytest.fixture(scope="module")
def usual(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Found, Path]:
    """Return what a run without flags for tracks extracts, and its output folder."""
    output = tmp_path_factory.mktemp("usual")
    return extract(output, "--input_dir", folder, "--glob", "*"), output


def level(found: Found, usual: tuple[Found, Path], name: str) -> tuple[float, float]:
    """Return of which level and loudness the streams of a video are, by the features of files with one of each."""

    def nearest(kind: str) -> int:
        one = found[kind][name]
        assert isinstance(one, np.ndarray), one
        return min(KNOWN, key=lambda each: float(np.abs(usual[0][kind][f"known/{each}"] - one).max()))

    return nearest("resnet"), KNOWN[nearest("vggish")]


def test_the_choice_of_ffmpeg(usual: tuple[Found, Path]) -> None:
    """The picture and sound with the default flag; in a recording of several channels, the sound of the picture's."""
    assert level(usual[0], usual, "film") == (180, 0.3)
    assert level(usual[0], usual, "plain") == (120, 0.2)
    assert level(usual[0], usual, "channels") == (90, 0.4)
    assert len(usual[0]["resnet"]["animation"]) == 3  # 5 pictures in half a second, beside a still one
    assert "no audio stream" in str(usual[0]["vggish"]["animation"])


def test_the_choice_of_the_user(folder: Path, tmp_path: Path, usual: tuple[Found, Path]) -> None:
    flags = ("--input_dir", folder, "--glob", "film.mkv", "plain.mkv", "--video_track", "0", "--audio_track", "fr")
    found = extract(tmp_path, *flags)
    assert level(found, usual, "film") == (60, 0.1)
    assert str(found["vggish"]["plain"]).endswith(
        "no audio track fr that can be decoded. Its audio tracks are 0: flac, eng."
    )


def test_another_track_is_another_setting(folder: Path, usual: tuple[Found, Path]) -> None:
    flags = (*TYPES, "--output_path", usual[1], "--video_paths", folder / "film.mkv")
    again = run(*flags, "--audio_track", "eng")
    assert again.returncode == 2
    assert "audio_track: None there, eng now" in again.stderr
    assert "--overwrite" in again.stderr and "--output_path" in again.stderr
    assert run(*flags, "--audio_track", "english language").returncode == 2
