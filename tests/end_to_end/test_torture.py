"""One command over files that are each wrong or unusual in one way: every one ends as documented, the run goes on."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.media import cut, damage, hide_start, moving_frames, turn, waveform, write_audio, write_clip
from support.program import manifest, run, unfinished, watched

SPACES = "name with spaces & 'quotes' ünïcode 视频.mp4"
DASH = "-starts-with-dash.mp4"
NO_TEXT = os.fsdecode(b"not\xffutf-8.mp4")  # a name that no terminal encoding can show
FASTSTART = {"movflags": "faststart"}
UNEVEN_MS = [*range(0, 600, 30), *range(600, 1600, 100)]  # 20 frames at 33 fps, 10 at 10 fps

NO_VIDEO = "no video stream (it has: audio {}). For audio use --feature_type vggish."
NO_AUDIO = "no audio stream (it has: video {}). For frames use a video feature type such as i3d."
PLAYLIST = "it is a playlist, which names other files"
NO_MEDIA = {  # cause for either feature type
    "truncated_no_moov.mp4": "its index (moov box) is missing or damaged",
    "empty.mp4": "the file is empty (0 bytes)",
    "text.mp4": "it is a text file",
    NO_TEXT: "it is a text file",
    "random_bytes.mp4": "not a known video or audio format",
    "hls_playlist_pretending.mp4": PLAYLIST,
    "concat_pretending.mp4": PLAYLIST,
    "absent.mp4": "no such file",
}
AUDIO_ONLY = {
    "audio_only.m4a": "aac",
    "tone.wav": "pcm_s16le",
    "rate_8k.wav": "pcm_s16le",
    "under_one_example.wav": "pcm_s16le",
    "silence.m4a": "aac",
}
VIDEO_ONLY = {
    "no_audio.mp4": "h264",
    "one_frame.mp4": "h264",
    "nine_frames.mp4": "h264",
    "odd_size_yuv444.mp4": "h264",
    "tall.mp4": "h264",
    "tiny_16x16.mp4": "h264",
    "gray.mp4": "h264",
    "animated.gif": "gif",
    "anamorphic.mp4": "h264",
    "rotated_90.mp4": "h264",
    "ntsc_29_97.mp4": "h264",
    "one_fps.mp4": "h264",
    "vfr.mp4": "h264",
    DASH: "h264",
}
USUAL = [
    "h264_aac.mp4",
    "h264_mp3.mp4",
    "h264_opus.mkv",
    "vp9_vorbis.webm",
    "mpeg4_mp2.avi",
    "mpeg4_mp3.avi",
    "hevc_10bit.mp4",
]
DAMAGED = ["truncated_faststart.mp4", "bit_flips.mp4"]
ALL = [*USUAL, "surround_5_1.mp4", "edit_list.mp4", SPACES, *DAMAGED, *AUDIO_ONLY, *VIDEO_ONLY, *NO_MEDIA]

# What i3d must make of each whole video: frames, frames per second, times of the windows' last frames, repeated frames.
PICTURES: dict[str, tuple[int, float, list[float], int]] = {
    **dict.fromkeys(USUAL, (25, 25, [400, 800], 0)),
    "mpeg4_mp3.avi": (25, 25, [440, 840], 0),  # its writer put in an empty chunk, which shows the first frame longer
    "surround_5_1.mp4": (12, 25, [400], 0),
    "edit_list.mp4": (25, 25, [400, 800], 0),  # 30 frames, the first 5 are hidden
    SPACES: (12, 25, [400], 0),
    DASH: (12, 25, [400], 0),
    "no_audio.mp4": (12, 25, [400], 0),
    "one_frame.mp4": (1, 25, [0], 10),
    "nine_frames.mp4": (9, 25, [320], 2),
    "odd_size_yuv444.mp4": (12, 25, [400], 0),
    "tall.mp4": (12, 25, [400], 0),
    "tiny_16x16.mp4": (12, 25, [400], 0),
    "gray.mp4": (12, 25, [400], 0),
    "animated.gif": (12, 10, [1000], 0),
    "anamorphic.mp4": (12, 25, [400], 0),
    "rotated_90.mp4": (12, 25, [400], 0),
    "ntsc_29_97.mp4": (25, 30000 / 1001, [10 * 1001 / 30, 20 * 1001 / 30], 0),
    "one_fps.mp4": (12, 1, [10000], 0),
    "vfr.mp4": (30, 30 / 1.4, [300, 600], 0),  # times of the 11th and the 21st frame; the rate is the header's average
}
SIZES = {"rotated_90.mp4": (48, 64), "tall.mp4": (16, 120), "odd_size_yuv444.mp4": (65, 49), "anamorphic.mp4": (64, 48)}
# Examples of 0.96 s that vggish must make of each file with sound; 2 s give two.
SOUNDS = {
    **dict.fromkeys(USUAL, 2),
    "surround_5_1.mp4": 2,
    "edit_list.mp4": 1,  # 0.2 of 2 s are hidden
    SPACES: 2,
    "audio_only.m4a": 2,
    "tone.wav": 2,
    "rate_8k.wav": 2,
    "silence.m4a": 2,
}


def make_whole(folder: Path) -> None:
    """Write the files that hold all they should."""
    short, longer, sound = moving_frames(12), moving_frames(25), waveform(3, 2.0, 44100)
    stereo = np.stack([sound, sound / 2], axis=1)
    write_clip(folder / "h264_aac.mp4", longer, audio=sound)
    write_clip(folder / "h264_mp3.mp4", longer, audio=sound, audio_codec="libmp3lame")
    write_clip(folder / "h264_opus.mkv", longer, audio=waveform(3, 2.0, 48000), audio_rate=48000, audio_codec="libopus")
    write_clip(folder / "vp9_vorbis.webm", longer, codec="libvpx-vp9", audio=stereo, audio_codec="vorbis")
    write_clip(folder / "mpeg4_mp2.avi", longer, codec="mpeg4", audio=sound, audio_codec="mp2")
    write_clip(folder / "mpeg4_mp3.avi", longer, codec="mpeg4", audio=sound, audio_codec="libmp3lame")
    hevc = {"codec": "libx265", "pix_fmt": "yuv420p10le", "options": {"x265-params": "log-level=error"}}
    write_clip(folder / "hevc_10bit.mp4", longer, audio=sound, **hevc)
    write_clip(folder / "surround_5_1.mp4", short, audio=np.stack([sound] * 6, axis=1))
    hide_start(write_clip(folder / "edit_list.mp4", moving_frames(30), audio=sound), 0.2)
    write_clip(folder / SPACES, short, audio=sound)
    for name in ("no_audio.mp4", DASH):
        write_clip(folder / name, short)
    write_clip(folder / "one_frame.mp4", short[:1])
    write_clip(folder / "nine_frames.mp4", short[:9])
    write_clip(folder / "odd_size_yuv444.mp4", moving_frames(12, 49, 65), pix_fmt="yuv444p")
    write_clip(folder / "tall.mp4", moving_frames(12, 120, 16))
    write_clip(folder / "tiny_16x16.mp4", moving_frames(12, 16, 16))
    write_clip(folder / "gray.mp4", short, pix_fmt="gray")
    write_clip(folder / "animated.gif", short, fps=10, codec="gif", pix_fmt="rgb8")
    write_clip(folder / "anamorphic.mp4", short, options={"x264-params": "sar=2/1"})
    lying = np.rot90(moving_frames(12, 64, 48), -1, (1, 2))
    turn(write_clip(folder / "rotated_90.mp4", lying), 0, -1, 1, 0)
    write_clip(folder / "ntsc_29_97.mp4", longer, fps=30000 / 1001)
    write_clip(folder / "one_fps.mp4", short, fps=1)
    write_clip(folder / "vfr.mp4", moving_frames(30), pts=UNEVEN_MS)
    write_audio(folder / "audio_only.m4a", sound, 44100, "aac")
    write_audio(folder / "tone.wav", sound, 44100)
    write_audio(folder / "rate_8k.wav", waveform(4, 2.0, 8000), 8000)
    write_audio(folder / "under_one_example.wav", sound[:22050], 44100)
    write_audio(folder / "silence.m4a", np.zeros(88200, np.float32), 44100, "aac")


def make_broken(folder: Path, other: Path, port: int) -> None:
    """Write the files that lack something, or are none; the playlists name another file and an address."""
    big, sound = moving_frames(30, 96, 128), waveform(3, 2.0, 44100)
    cut(write_clip(folder / "truncated_faststart.mp4", big, audio=sound, muxer_options=FASTSTART), 0.6)
    damage(write_clip(folder / "bit_flips.mp4", big, audio=sound), b"mdat", 100)
    cut(write_clip(folder / "truncated_no_moov.mp4", big), 0.5)
    (folder / "empty.mp4").touch()
    (folder / "random_bytes.mp4").write_bytes(np.random.default_rng(0).bytes(30000))
    for name in ("text.mp4", NO_TEXT):
        (folder / name).write_text("this is not a video\n")
    url = f"http://127.0.0.1:{port}/a.ts"
    (folder / "hls_playlist_pretending.mp4").write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{other}\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n"
    )
    (folder / "concat_pretending.mp4").write_text(f"ffconcat version 1.0\nfile '{other}'\nfile {url}\n")


FLAGS = {  # one feature type of each kind: windows, clips, single frames, flow, sound
    "i3d": ("--streams", "rgb", "--stack_size", 10, "--step_size", 10, "--keep_frames", "--tmp_path", "frames"),
    "tsn": ("--num_clips", 3, "--side_size", 64, "--crop_size", 64),
    "resnet": ("--model_name", "resnet18"),
    "pwc": ("--side_size", 64),
    "vggish": (),
}
OUTPUT = {"i3d": "rgb", "tsn": "tsn", "resnet": "resnet", "pwc": "pwc", "vggish": "vggish"}
VIDEO_TYPES = ("i3d", "tsn", "resnet", "pwc")


@dataclass(frozen=True)
class Run:
    """What one command did with all the files."""

    result: CompletedProcess[str]
    folder: Path  # of the outputs
    lines: dict[str, dict[str, Any]]  # manifest line by file name, odd bytes written out

    def array(self, name: str, key: str) -> np.ndarray:
        """Return a saved output of a file."""
        return np.load(self.folder / f"{Path(name).stem}_{key}.npy")

    def reason(self, name: str) -> str:
        """Return why a file is not simply done, from the manifest, which the summary and the messages repeat."""
        line = self.lines[shown(name)]
        assert f"  {line['status']}: {shown(line['reason'])}" in self.result.stdout.splitlines()
        assert f"{line['status']}: {shown(line['reason'])}" in self.result.stderr.splitlines()
        assert line["reason"].startswith(f"{name}: ")
        return line["reason"]


def shown(text: str) -> str:
    """Return the text as a terminal shows it."""
    return text.encode(errors="backslashreplace").decode()


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """Each kind of feature over all the files, given as a list and as arguments; nothing else may be opened."""
    folder = tmp_path_factory.mktemp("torture")
    other = write_clip(tmp_path_factory.mktemp("other") / "secret.mp4", moving_frames(12))
    with socket.create_server(("127.0.0.1", 0)) as server, watched(other) as was_opened:
        make_whole(folder)
        make_broken(folder, other, server.getsockname()[1])
        (folder / "list.txt").write_text("\n".join(name for name in ALL if name != NO_TEXT), encoding="utf-8")
        made = {feature_type: extract(folder, feature_type, *flags) for feature_type, flags in FLAGS.items()}
        assert not was_opened()
        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.accept()
        other.read_bytes()
        assert was_opened()  # the watch works
    return made


def extract(folder: Path, feature_type: str, *flags: Any) -> Run:
    result = run(
        "--feature_type", feature_type, "--weights", "random", *flags, "--file_with_video_paths", "list.txt",
        "--video_paths", NO_TEXT, "--on_extraction", "save_numpy", "--output_path", "out",
        cwd=folder, env={"PYTHONIOENCODING": "utf-8:strict"},
    )  # fmt: skip
    output = folder / "out" / feature_type
    return Run(result, output, {line["id"]: line for line in manifest(output).values()})


@pytest.mark.parametrize("feature_type", FLAGS)
def test_every_file_is_recorded_and_counted(runs: dict[str, Run], feature_type: str) -> None:
    run = runs[feature_type]
    assert run.result.returncode == 1
    assert set(run.lines) == set(map(shown, ALL))
    assert not unfinished(run.folder)
    assert "Traceback" not in run.result.stderr
    statuses = [line["status"] for line in run.lines.values()]
    counts = ", ".join(f"{statuses.count(s)} {s}" for s in ("done", "partial", "failed"))
    windows = sum(line["windows"] for line in run.lines.values())
    assert f"{counts}; {windows} windows" in run.result.stdout
    saved = {output["file"] for line in run.lines.values() for output in line["outputs"]}
    assert {path.name for path in run.folder.glob("*.npy")} == saved


@pytest.mark.parametrize("feature_type", FLAGS)
@pytest.mark.parametrize("name", NO_MEDIA)
def test_what_is_no_media_fails_with_its_cause(runs: dict[str, Run], feature_type: str, name: str) -> None:
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
def test_every_kind_makes_features_of_frames(runs: dict[str, Run], name: str) -> None:
    n_frames = PICTURES[name][0]
    clips, frames, flow = (runs[feature_type] for feature_type in ("tsn", "resnet", "pwc"))
    assert clips.array(name, "tsn").shape == (2048,)
    assert frames.array(name, "resnet").shape == (n_frames, 512)
    assert len(frames.array(name, "timestamps_ms")) == n_frames
    if n_frames == 1:
        assert "flow needs two" in flow.reason(name)
        return
    pairs = flow.array(name, "pwc")
    assert (len(pairs), pairs.shape[1], min(pairs.shape[2:])) == (n_frames - 1, 2, 64)
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


@pytest.mark.parametrize("feature_type", FLAGS)
@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_never_done_without_a_word(runs: dict[str, Run], feature_type: str, name: str) -> None:
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
