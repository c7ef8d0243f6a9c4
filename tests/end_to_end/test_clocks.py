"""Odd clocks and packets through main.py: pictures are counted, times mean the same moment for picture and sound."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow.parquet as pq
import pytest
from av.stream import Disposition
from support.media import join, moving_frames, remux, waveform, write_audio, write_clip
from support.program import ROOT, TINY_PROGRAM, manifest, run
from support.tracks import Track, write_tracks

MAIN = ROOT / "main.py"
PAFF = Path(__file__).parents[1] / "media" / "paff_20_pictures.ts"
EXAMPLE_S, STEP_S = 0.975, 0.96  # of VGGish
JOINTS = ("joined.mpg", "jump.ts")


def make(folder: Path) -> list[Path]:
    """Write a file of each kind."""
    shutil.copy(PAFF, folder / "paff.ts")
    longer: dict[str, Any] = {"audio": waveform(1, 2.05, 48000), "audio_rate": 48000, "audio_codec": "mp2"}
    for suffix, codec, sound in (("mpg", "mpeg2video", longer), ("ts", "libx264", {})):
        for seed in (1, 2):
            write_clip(folder / f"{seed}.{suffix}", moving_frames(50, seed=seed), codec=codec, **sound)
    join(folder / "joined.mpg", folder / "1.mpg", folder / "2.mpg")
    later = remux(folder / "2.ts", folder / "later.ts", shift_s=lambda packet: 60.0)
    join(folder / "jump.ts", folder / "1.ts", later)
    write_clip(folder / "raw.h264", moving_frames(30), fps=30)
    write_clip(folder / "tape.dv", moving_frames(1, 480, 720), 30000 / 1001, "dvvideo", pix_fmt="yuv411p")
    sound = waveform(1, 4.0, 48000)
    write_clip(folder / "both.mp4", moving_frames(100), audio=sound, audio_rate=48000)
    for late in ("video", "audio"):
        name = f"late_{late}.mp4"
        remux(folder / "both.mp4", folder / name, shift_s=lambda p, late=late: 1.5 * (p.stream.type == late))
    whole = write_audio(folder / "whole.webm", sound, 48000, "libopus")
    remux(whole, folder / "gap.webm", lambda packet, _: not 1 <= cast(int, packet.pts) * packet.time_base < 3)
    write_audio(folder / "whole.3gp", sound[::6], 8000, "libopencore_amrnb")
    for suffix, every in (("webm", 20), ("3gp", 8)):  # of silence, how many packets stand for one that is sent
        whole = folder / f"whole.{suffix}"
        remux(whole, folder / f"dtx_{suffix}.{suffix}", lambda p, number, every=every: (
            number % every == 0 or not 1 <= cast(int, p.pts) * p.time_base < 3
        ))  # fmt: skip
    pages = write_audio(folder / "whole.ogg", sound, 48000, "libopus").read_bytes().split(b"OggS")
    (folder / "lost_page.ogg").write_bytes(b"OggS".join([*pages[:4], *pages[5:]]))
    names = ("paff.ts", *JOINTS, "raw.h264", "tape.dv", "both.mp4", "late_video.mp4", "late_audio.mp4", "gap.webm",
             "lost_page.ogg", "dtx_webm.webm", "dtx_3gp.3gp")  # fmt: skip
    return [folder / name for name in names]


@dataclass(frozen=True)
class Run:
    """What one command over all the files gave."""

    lines: dict[str, dict[str, dict[str, Any]]]  # manifest lines by feature type and name
    rows: dict[str, dict[str, np.ndarray]]  # (start_s, end_s) of each row [rows, 2], by feature type and name
    kept: Path  # frames
    folder: Path  # of the files


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("clocks")
    paths = make(folder)
    (folder / "list.csv").write_text("path,start_s,end_s\nlate_audio.mp4,1,3.5\nlate_video.mp4,1,3.5\n")
    extracted("out", folder, paths[:1], "tsn", "timm", "vggish", "--num_clips", 5, "--side_size", 64,
              "--crop_size", 64, "--keep_frames", "--tmp_path", folder / "frames", "--timm.extraction_fps", 5,
              "--model_name", "test_vit", "--max_seconds", 10, "--limit", -1, "--video_list", folder / "list.csv",
              "--video-paths", *paths[1:])  # fmt: skip
    types = ("tsn", "timm", "vggish")
    lines = {name: manifest(folder / "out" / name) for name in types}
    return Run(lines, {name: rows_of(folder / "out" / name) for name in types[1:]}, folder / "frames", folder)


def extracted(output: str, folder: Path, paths: list[Path], *flags: Any, program: Path = MAIN) -> None:
    done = run(
        "--feature_type", *flags, "--weights", "random", "--video_paths", *paths, "--on_extraction", "save_parquet",
        "--output_path", folder / output, program=program,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1)  # some have no sound, or no picture


def rows_of(folder: Path) -> dict[str, np.ndarray]:
    rows: dict[str, list[tuple[float, float]]] = {}
    for path in folder.glob("*.parquet"):
        for row in pq.read_table(path).to_pylist():
            rows.setdefault(row["name"], []).append((row["start_s"], row["end_s"]))
    return {name: np.array(times) for name, times in rows.items()}


def test_pictures_are_counted_where_two_packets_make_one(result: Run) -> None:
    line = result.lines["tsn"]["paff"]
    assert (line["status"], line["fps"], line["declared"]) == ("done", 25, None)  # the header counts nothing
    assert line["problems"] == ["its frames are interlaced: both fields are used as one frame"]
    frames = sorted(int(path.stem) for path in (result.kept / "tsn" / "paff").iterdir())
    assert frames == [2, 6, 10, 14, 18]


@pytest.mark.parametrize("name", JOINTS)
def test_joints_are_bridged(result: Run, name: str) -> None:
    line = result.lines["timm"][Path(name).stem]
    assert (line["status"], line["windows"], line["decoded"]) == ("done", 20, 100)
    assert len(line["problems"]) == 1
    assert "its clock" in line["problems"][0]
    np.testing.assert_allclose(result.rows["timm"][Path(name).stem][:, 0], np.arange(20) / 5, atol=1e-6)


def test_a_bare_stream_has_its_own_rate(result: Run) -> None:
    assert result.lines["tsn"]["raw"]["fps"] == 30
    assert result.lines["tsn"]["tape"]["fps"] == pytest.approx(30000 / 1001)


def test_sound_and_picture_have_one_clock(result: Run) -> None:
    sound, picture = result.rows["vggish"], result.rows["timm"]
    for name, sound_s, picture_s in (("both", 0, 0), ("late_video", 0, 1.5), ("late_audio", 1.5, 0)):
        expected = sound_s + STEP_S * np.arange(4)[:, None] + (0, EXAMPLE_S)
        np.testing.assert_allclose(sound[name], expected, atol=0.05)
        np.testing.assert_allclose(picture[name][:, 0], picture_s + np.arange(20) / 5, atol=0.11)
        assert result.lines["vggish"][name]["problems"] == []
    for name, sound_s, picture_s, n in (("late_audio_1_3.5", 1.478, 1, 13), ("late_video_1_3.5", 1, 1.6, 10)):
        np.testing.assert_allclose(sound[name][:, 0], sound_s + STEP_S * np.arange(2), atol=0.001)  # the same moments
        np.testing.assert_allclose(picture[name][:, 0], picture_s + np.arange(n) / 5, atol=1e-6)


def test_a_gap_is_silence(result: Run) -> None:
    line = result.lines["vggish"]["gap"]
    assert (line["status"], line["windows"]) == ("done", 4)
    assert line["problems"] == ["sound is missing for 2.00 s in 1 place: silence there"]
    for name, missing in (("dtx_webm", "1.90 s in 6 places"), ("dtx_3gp", "1.76 s in 12 places")):
        line = result.lines["vggish"][name]
        assert (name, line["status"], line["windows"]) == (name, "done", 4)
        assert line["problems"] == [f"sound is missing for {missing}: silence there"]
    line = result.lines["vggish"]["lost_page"]
    assert (line["status"], line["windows"]) == ("partial", 4)
    assert "sound is missing for 1.00 s in 1 place: silence there" in line["problems"]


def test_the_bare_sequence_of_samples_and_a_limit_of_time(result: Run, tmp_path: Path) -> None:
    paths = [result.folder / name for name in ("gap.webm", "late_audio.mp4", "paff.ts", "joined.mpg")]
    extracted("out", tmp_path, paths, "vggish", "timm", "slowonly", "--sound_clock", "samples", "--model_name",
              "test_vit", "--timm.extraction_total", 5, "--max_seconds", 3.9, "--slowonly.num_clips", 2, "--side_size",
              32, "--crop_size", 32, "--frame_interval", 2)  # fmt: skip
    lines, rows = manifest(tmp_path / "out" / "vggish"), rows_of(tmp_path / "out" / "vggish")
    assert (lines["gap"]["windows"], lines["gap"]["problems"]) == (2, [])
    np.testing.assert_allclose(rows["late_audio"][:, 0], STEP_S * np.arange(4), atol=1e-6)
    longer = "it is longer than the 3.9 s of --max_seconds: the rest is left out"
    assert (lines["late_audio"]["status"], lines["late_audio"]["problems"]) == ("partial", [longer])
    pictures = manifest(tmp_path / "out" / "timm")["joined"]
    assert pictures["status"] == "partial" and longer in pictures["problems"]
    np.testing.assert_allclose(rows_of(tmp_path / "out" / "timm")["paff"][:, 0] * 25, [1, 5, 9, 13, 17])  # of 20
    line = manifest(tmp_path / "out" / "slowonly")["paff"]
    assert (line["status"], line["windows"], line["decoded"]) == ("done", 2, 18)  # the others are wanted by nobody


def test_the_clock_is_that_of_the_chosen_tracks(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "x.mkv", [Track("video", 90, flags=Disposition.default), Track("audio", 0.1),
                                             Track("audio", 0.4)], seconds=2)  # fmt: skip
    late = remux(path, tmp_path / "late.mkv", shift_s=lambda packet: (0, 1.5, 0)[packet.stream.index])
    for track, sound_s in (("0", 1.5), ("1", 0.0)):
        extracted(track, tmp_path, [late], "loudness", "tiny", "--audio_track", track, program=TINY_PROGRAM)
        assert rows_of(tmp_path / track / "loudness")["late"][0, 0] == pytest.approx(sound_s, abs=0.01)
        assert rows_of(tmp_path / track / "tiny")["late"][0, 0] == 0
