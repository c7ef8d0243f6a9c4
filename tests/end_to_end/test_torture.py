"""Runs over files that are each damaged or unusual in one way: each is recorded as documented, and no run stops."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.media import moving_frames, write_clip
from support.odd_files import AUDIO_ONLY, DAMAGED, DASH, NOT_UTF8, SPACES, USUAL, VIDEO_ONLY, make_broken, make_whole
from support.program import manifest, run, unfinished, watched

NO_VIDEO = "no video stream (it has: audio {}). For audio use --feature_type vggish."
NO_AUDIO = "no audio stream (it has: video {}). For frames use a video feature type such as i3d."
PLAYLIST = "it is a playlist, which names other files"
NO_MEDIA = {  # and the cause, the same for every feature type
    "truncated_no_moov.mp4": "its index (moov box) is missing or damaged",
    "empty.mp4": "the file is empty (0 bytes)",
    "text.mp4": "it is a text file",
    NOT_UTF8: "it is a text file",
    "random_bytes.mp4": "not a known video or audio format",
    "hls_playlist_pretending.mp4": PLAYLIST,
    "concat_pretending.mp4": PLAYLIST,
    "absent.mp4": "no such file",
}
ALL = [*USUAL, "surround_5_1.mp4", "edit_list.mp4", SPACES, *DAMAGED, *AUDIO_ONLY, *VIDEO_ONLY, *NO_MEDIA]

# Of each intact video, for i3d: frames, frames per second, times of the windows' last frames in ms, repeated frames.
PICTURES: dict[str, tuple[int, float, list[float], int]] = {
    **dict.fromkeys(USUAL, (25, 25, [400, 800], 0)),
    "mpeg4_mp3.avi": (25, 25, [440, 840], 0),  # the muxer wrote an empty chunk, which shows the first frame longer
    "surround_5_1.mp4": (12, 25, [400], 0),
    "edit_list.mp4": (25, 25, [400, 800], 0),  # 30 frames, the first 5 are hidden
    SPACES: (12, 25, [400], 0),
    DASH: (12, 25, [400], 0),
    "no_audio.mp4": (12, 25, [400], 0),
    "one_frame.mp4": (1, 25, [0], 10),
    "nine_frames.mp4": (9, 25, [320], 2),
    "odd_size_yuv444.mp4": (12, 25, [400], 0),
    "two_edits.mp4": (25, 25, [400, 800], 0),  # of 30 frames, the first 10 and the last 15
    "tall.mp4": (12, 25, [400], 0),
    "tiny_16x16.mp4": (12, 25, [400], 0),
    "gray.mp4": (12, 25, [400], 0),
    "animated.gif": (12, 10, [1000], 0),
    "anamorphic.mp4": (12, 25, [400], 0),
    "rotated_90.mp4": (12, 25, [400], 0),
    "ntsc_29_97.mp4": (25, 30000 / 1001, [10 * 1001 / 30, 20 * 1001 / 30], 0),
    "one_fps.mp4": (12, 1, [10000], 0),
    "vfr.mp4": (30, 30 / 1.4, [300, 600], 0),  # of the 11th and the 21st frame; the header has the average rate
}
SIZES = {"rotated_90.mp4": (48, 64), "tall.mp4": (16, 120), "odd_size_yuv444.mp4": (65, 49), "anamorphic.mp4": (64, 48)}
# Of each intact file with audio, for vggish: examples of 0.96 s.
SOUNDS = {
    **dict.fromkeys(USUAL, 2),
    "surround_5_1.mp4": 2,
    "edit_list.mp4": 1,  # 0.2 of the 2 s are hidden
    SPACES: 2,
    "audio_only.m4a": 2,
    "tone.wav": 2,
    "rate_8k.wav": 2,
    "silence.m4a": 2,
}


RUNS = {  # feature types of one run: windows, clips, single frames, flow, audio; a run names 50 results in messages
    ("i3d", "tsn"): (
        "--streams", "rgb", "--i3d.stack_size", 10, "--i3d.step_size", 10, "--num_clips", 3, "--side_size", 64,
        "--crop_size", 64, "--keep_frames", "--tmp_path", "frames",
    ),
    ("timm", "pwc"): ("--model_name", "test_vit", "--side_size", 48),
    ("vggish",): (),
}  # fmt: skip
OUTPUT = {"i3d": "rgb", "tsn": "tsn", "timm": "timm", "pwc": "pwc", "vggish": "vggish"}
VIDEO_TYPES = ("i3d", "tsn", "timm", "pwc")


@dataclass(frozen=True)
class Run:
    """One feature type in a run over all the files."""

    result: CompletedProcess[str]
    folder: Path  # of the outputs
    label: str  # before messages; empty where the run has no other feature type
    lines: dict[str, dict[str, Any]]  # manifest lines by file name, as `shown` has it

    def array(self, name: str, key: str) -> np.ndarray:
        """Return a saved output of a file."""
        return np.load(self.folder / f"{Path(name).stem}_{key}.npy")

    def reason(self, name: str) -> str:
        """Return the reason in the manifest, and check that messages and summary say the same."""
        line = self.lines[shown(name)]
        assert f"  {line['status']}: {shown(line['reason'])}" in self.result.stdout.splitlines()
        assert f"{self.label}{line['status']}: {shown(line['reason'])}" in self.result.stderr.splitlines()
        assert line["reason"].startswith(f"{name}: ")
        return line["reason"]


def shown(text: str) -> str:
    """Return text as a terminal shows it, with bytes that are not UTF-8 escaped."""
    return text.encode(errors="backslashreplace").decode()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """Each feature type over all the files; what the playlists name must not be opened."""
    folder = tmp_path_factory.mktemp("torture")
    other = write_clip(tmp_path_factory.mktemp("other") / "secret.mp4", moving_frames(12))
    with socket.create_server(("127.0.0.1", 0)) as server, watched(other) as was_opened:
        make_whole(folder)
        make_broken(folder, other, server.getsockname()[1])
        (folder / "list.txt").write_text("\n".join(name for name in ALL if name != NOT_UTF8), encoding="utf-8")
        made = {name: of_type for types, flags in RUNS.items() for name, of_type in extract(folder, types, *flags)}
        assert not was_opened()
        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.accept()
        other.read_bytes()
        assert was_opened()  # so the check above can fail
    return made


def extract(folder: Path, feature_types: tuple[str, ...], *flags: Any) -> Iterator[tuple[str, Run]]:
    result = run(
        "--feature_type", *feature_types, "--weights", "random", *flags, "--file_with_video_paths", "list.txt",
        "--video_paths", NOT_UTF8, "--on_extraction", "save_numpy", "--output_path", "out",
        cwd=folder,
    )  # fmt: skip
    for name in feature_types:
        output = folder / "out" / name
        label = f"{name} " if len(feature_types) > 1 else ""
        yield name, Run(result, output, label, {line["id"]: line for line in manifest(output).values()})


@pytest.mark.parametrize("feature_type", OUTPUT)
def test_every_file_is_recorded(runs: dict[str, Run], feature_type: str) -> None:
    run = runs[feature_type]
    assert run.result.returncode == 1
    assert set(run.lines) == set(map(shown, ALL))
    assert not unfinished(run.folder)
    assert "Traceback" not in run.result.stderr
    saved = {output["file"] for line in run.lines.values() for output in line["outputs"]}
    assert {path.name for path in run.folder.glob("*.npy")} == saved


@pytest.mark.parametrize("feature_types", RUNS, ids=" ".join)
def test_every_file_is_counted(runs: dict[str, Run], feature_types: tuple[str, ...]) -> None:
    of_types = [runs[name].lines for name in feature_types]
    order = ("done", "partial", "failed")
    statuses = [max((lines[name]["status"] for lines in of_types), key=order.index) for name in of_types[0]]
    counts = ", ".join(f"{statuses.count(s)} {s}" for s in order)
    windows = sum(line["windows"] for lines in of_types for line in lines.values())
    assert f"{counts}; {windows} windows" in runs[feature_types[0]].result.stdout


@pytest.mark.parametrize("feature_type", OUTPUT)
@pytest.mark.parametrize("name", NO_MEDIA)
def test_files_that_are_no_media_fail_with_the_cause(runs: dict[str, Run], feature_type: str, name: str) -> None:
    assert NO_MEDIA[name] in runs[feature_type].reason(name)
    assert runs[feature_type].lines[shown(name)]["status"] == "failed"


@pytest.mark.parametrize("name", PICTURES)
def test_frames_become_features(runs: dict[str, Run], name: str) -> None:
    run, (frames, fps, times_ms, repeated) = runs["i3d"], PICTURES[name]
    line = run.lines[name]
    assert (line["status"], line["decoded"], line["windows"], line["repeated"]) == (
        "done", frames, len(times_ms), repeated
    )  # fmt: skip
    rgb = run.array(name, "rgb")
    assert (rgb.shape, rgb.dtype) == ((len(times_ms), 1024), np.float32)
    assert np.isfinite(rgb).all()
    assert run.array(name, "fps") == pytest.approx(fps, rel=1e-6)
    assert line["fps"] == pytest.approx(fps, rel=1e-6)
    np.testing.assert_allclose(run.array(name, "timestamps_ms"), times_ms, atol=1e-3)


@pytest.mark.parametrize("name", SIZES)
def test_frames_are_upright_and_as_stored(runs: dict[str, Run], name: str) -> None:
    kept = sorted((runs["i3d"].folder.parents[1] / "frames" / "i3d" / Path(name).stem).iterdir())
    assert len(kept) == PICTURES[name][0]
    width, height = SIZES[name]
    first = np.asarray(Image.open(kept[0]))
    assert first.shape == (height, width, 3)
    assert np.abs(first - moving_frames(1, height, width)[0].astype(float)).mean() < 8  # H.264 loses some


@pytest.mark.parametrize("feature_type", VIDEO_TYPES)
@pytest.mark.parametrize("name", AUDIO_ONLY)
def test_audio_alone_has_no_frames(runs: dict[str, Run], feature_type: str, name: str) -> None:
    assert runs[feature_type].reason(name) == f"{name}: {NO_VIDEO.format(AUDIO_ONLY[name])}"


@pytest.mark.parametrize("name", PICTURES)
def test_every_kind_of_video_model_gives_features(runs: dict[str, Run], name: str) -> None:
    n_frames = PICTURES[name][0]
    clips, frames, flow = (runs[feature_type] for feature_type in ("tsn", "timm", "pwc"))
    assert clips.array(name, "tsn").shape == (2048,)
    assert frames.array(name, "timm").shape == (n_frames, 64)
    assert len(frames.array(name, "timestamps_ms")) == n_frames
    if n_frames == 1:
        assert "flow needs two" in flow.reason(name)
        return
    pairs = flow.array(name, "pwc")
    assert (len(pairs), pairs.shape[1], min(pairs.shape[2:])) == (n_frames - 1, 2, 48)
    assert np.isfinite(pairs).all()
    assert len(flow.array(name, "timestamps_ms")) == n_frames


@pytest.mark.parametrize("name", SOUNDS)
def test_audio_becomes_features(runs: dict[str, Run], name: str) -> None:
    run = runs["vggish"]
    assert (run.lines[name]["status"], run.lines[name]["windows"]) == ("done", SOUNDS[name])
    features = run.array(name, "vggish")
    assert (features.shape, features.dtype) == ((SOUNDS[name], 128), np.float32)
    assert np.isfinite(features).all()


@pytest.mark.parametrize("name", VIDEO_ONLY)
def test_frames_alone_have_no_audio(runs: dict[str, Run], name: str) -> None:
    assert runs["vggish"].reason(name) == f"{name}: {NO_AUDIO.format(VIDEO_ONLY[name])}"


def test_audio_under_one_example_fails_with_its_length(runs: dict[str, Run]) -> None:
    assert "0.500 s of sound, VGGish needs at least 0.975 s" in runs["vggish"].reason("under_one_example.wav")


@pytest.mark.parametrize("feature_type", OUTPUT)
@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_never_recorded_as_done(runs: dict[str, Run], feature_type: str, name: str) -> None:
    run = runs[feature_type]
    line, reason = run.lines[name], run.reason(name)
    assert line["status"] in ("partial", "failed")
    assert len(reason) > len(name) + 10
    if line["status"] == "partial":
        rows = run.array(name, OUTPUT[feature_type])
        assert line["windows"] > 0
        assert len(rows) == (2048 if feature_type == "tsn" else line["windows"])


def test_a_cut_video_gives_what_decodes_and_says_how_much_is_missing(runs: dict[str, Run]) -> None:
    line = runs["i3d"].lines["truncated_faststart.mp4"]
    assert line["status"] == "partial"
    assert 11 <= line["decoded"] < line["declared"] == 30
    assert f"{line['decoded']} of 30 frames decode" in line["reason"]
    assert line["windows"] == (line["decoded"] - 1) // 10
