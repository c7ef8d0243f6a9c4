"""What a file has that features do not show: noted in the manifest, as are crops that are applied."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.media import add_clap, add_pixel_crop, join, moving_frames, remux, write_clip
from support.program import ROOT, manifest, run
from support.tracks import Track, write_programs

PROGRAM = ROOT / "tests" / "support" / "tiny_program.py"
PQ, HLG = 16, 18


def make(folder: Path) -> None:
    frames = moving_frames(30, 96, 128)
    gop = {"options": {"g": "10", "bf": "0"}}
    write_clip(folder / "plain.mp4", frames)
    framed = np.full_like(frames, 255)
    framed[:, 4:94, 22:86] = 60
    write_clip(folder / "framed.mp4", framed)
    add_clap(write_clip(folder / "clap.mp4", framed), 64, 90, -10, 1)
    add_pixel_crop(write_clip(folder / "pixel_crop.mkv", framed), 22, 4, 42, 2)
    two = [write_clip(folder / f"{name}_part.mp4", frames) for name in "ab"]
    join(folder / "second_moov.mp4", *two)
    whole = write_clip(folder / "part.ts", frames, **gop)
    remux(whole, folder / "mid_gop.ts", keep=lambda packet, number: number >= 7)
    channels = [[Track("video", 90), Track("audio", 0.4)], [Track("video", 30), Track("audio", 0.1)]]
    write_programs(folder / "programs.ts", channels)
    moved = write_clip(folder / "moved_part.ts", frames, muxer_options={"mpegts_start_pid": "0x200"}, **gop)
    join(folder / "pids.ts", whole, moved)
    for name, transfer in (("pq", PQ), ("hlg", HLG)):
        write_clip(folder / f"{name}.mp4", frames, tags={"color_trc": transfer})
    write_clip(folder / "interlaced.mp4", frames, options={"flags": "+ildct+ilme", "x264-params": "tff=1"})
    for path in folder.glob("*_part.*"):
        path.unlink()
    (folder / "part.ts").unlink()


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notes")
    (folder / "in").mkdir()
    make(folder / "in")
    done = run(
        "--feature_type", "tiny", "--input_dir", folder / "in", "--device", "cpu", "--on_extraction", "save_numpy",
        "--output_path", folder / "out", program=PROGRAM,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout, done.stderr)
    return folder / "out" / "tiny"


@pytest.fixture(scope="module")
def lines(result: Path) -> dict[str, dict[str, Any]]:
    return manifest(result)


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("plain", ""),
        ("clap", ""),
        ("pixel_crop", ""),
        ("second_moov", r"a second film begins at byte \d+ .*"),
        ("mid_gop", "it starts between key frames: 3 packets come before the first one"),
        ("programs", "it has 2 programs, of which one is read"),
        ("pids", r".*stream begins .*\(changed PIDs\?\).*"),
        ("pq", r"it is HDR \(PQ\): its colours are used without tone mapping"),
        ("hlg", r"it is HDR \(HLG\): its colours are used without tone mapping"),
        ("interlaced", "its frames are interlaced: both fields are used as one frame"),
    ],
)
def test_notes(lines: dict[str, dict[str, Any]], name: str, note: str) -> None:
    line = lines[name]
    assert line["status"] == "done"
    problems = [problem for problem in line["problems"] if "its clock" not in problem]
    assert len(problems) <= 1 + (name == "programs"), problems  # its programs also come one after the other
    assert any(re.fullmatch(note, problem) for problem in problems or [""]), problems


def test_crops(result: Path) -> None:
    means = {name: np.load(result / f"{name}_tiny.npy").mean() for name in ("framed", "clap", "pixel_crop")}
    assert means["framed"] > 120
    assert means["clap"] == pytest.approx(60, abs=2)
    assert means["pixel_crop"] == pytest.approx(60, abs=2)
