"""What a file has that features do not show is noted in the manifest; crops and changes of the size are applied."""

import re
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from support.golden import relative_error
from support.media import add_clap, add_pixel_crop, join, moving_frames, remux, write_clip
from support.program import manifest, run
from support.tracks import Track, write_programs

PQ, HLG = 16, 18


def from_second_key_frame(path: Path) -> bytes:
    """Return an MPEG-TS file from its second key frame on, after the packets that say what is in it."""
    with av.open(str(path)) as container:
        keys = [packet.pos for packet in container.demux(video=0) if packet.is_keyframe and packet.pos is not None]
    return path.read_bytes()[: 3 * 188] + path.read_bytes()[keys[1] :]


def make(folder: Path) -> None:
    frames = moving_frames(30, 96, 128)
    gop: dict[str, Any] = {"options": {"g": "10", "bf": "0"}}
    write_clip(folder / "plain.mp4", frames)
    framed = np.full_like(frames, 255)
    framed[:, 4:94, 22:86] = 60
    write_clip(folder / "framed.mp4", framed)
    write_clip(folder / "cropped.mp4", framed[:, 4:94, 22:86])
    add_clap(write_clip(folder / "clap.mp4", framed), 64, 90, -10, 1)
    add_pixel_crop(write_clip(folder / "pixel_crop.mkv", framed), 22, 4, 42, 2)
    two = [write_clip(folder / f"{name}_part.mp4", frames) for name in "ab"]
    join(folder / "second_moov.mp4", *two)
    whole = write_clip(folder / "part.ts", frames, **gop)
    remux(whole, folder / "mid_gop.ts", keep=lambda packet, number: number >= 7)
    whole_groups = write_clip(folder / "groups_part.ts", frames, codec="mpeg2video", options={"g": "10", "bf": "2"})
    (folder / "open_gop.ts").write_bytes(from_second_key_frame(whole_groups))
    channels = [[Track("video", 90), Track("audio", 0.4)], [Track("video", 30), Track("audio", 0.1)]]
    write_programs(folder / "programs.ts", channels)
    moved = write_clip(folder / "moved_part.ts", frames, muxer_options={"mpegts_start_pid": "0x200"}, **gop)
    join(folder / "pids.ts", whole, moved)
    upright = write_clip(folder / "upright.ts", moving_frames(30, 128, 96), **gop)
    join(folder / "sizes.ts", whole, upright)
    for name, transfer in (("pq", PQ), ("hlg", HLG)):
        write_clip(folder / f"{name}.mp4", frames, tags={"color_trc": transfer})
    write_clip(folder / "interlaced.mp4", frames, options={"flags": "+ildct+ilme", "x264-params": "tff=1"})
    for path in folder.glob("*_part.*"):
        path.unlink()
    whole.rename(folder / "lying.ts")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notes")
    (folder / "in").mkdir()
    make(folder / "in")
    done = run(
        "--feature_type", "timm", "tsn", "--weights", "random", "--model_name", "test_vit",
        "--timm.extraction_fps", 5, "--num_clips", 2, "--side_size", 64, "--crop_size", 64,
        "--input_dir", folder / "in", "--device", "cpu", "--on_extraction", "save_numpy",
        "--output_path", folder / "out",
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout, done.stderr)
    return folder / "out"


@pytest.fixture(scope="module")
def lines(result: Path) -> dict[str, dict[str, Any]]:
    return manifest(result / "timm")


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("plain", ""),
        ("clap", ""),
        ("pixel_crop", ""),
        ("second_moov", r"a second film begins at byte \d+ .*"),
        ("mid_gop", "it starts between key frames: 3 packets come before the first one"),
        ("open_gop", "it starts within a group of pictures: 2 packets after its first key frame need earlier ones"),
        ("programs", "it has 2 programs, of which one is read"),
        ("pids", r".*stream begins .*\(changed PIDs\?\).*"),
        ("pq", r"it is HDR \(PQ\): its colours are used without tone mapping"),
        ("hlg", r"it is HDR \(HLG\): its colours are used without tone mapping"),
        ("sizes", r"the frame size changes to 96x128 \(as stored\)"),
        ("interlaced", "its frames are interlaced: both fields are used as one frame"),
    ],
)
def test_notes(lines: dict[str, dict[str, Any]], name: str, note: str) -> None:
    line = lines[name]
    assert line["status"] == "done"
    problems = [problem for problem in line["problems"] if "its clock" not in problem]
    assert len(problems) <= 1 + (name == "programs"), problems  # its programs also come one after the other
    assert any(re.fullmatch(note, problem) for problem in problems or [""]), problems


def features(result: Path, name: str) -> np.ndarray:
    return np.load(result / "timm" / f"{name}_timm.npy")


def test_crops(result: Path) -> None:
    cropped = features(result, "cropped")
    assert relative_error(features(result, "framed"), cropped) > 0.1
    for name in ("clap", "pixel_crop"):
        assert relative_error(features(result, name), cropped) < 0.02  # H.264 blurs the edge a little


def test_each_frame_is_prepared_from_its_own_size(result: Path) -> None:
    both, halves = features(result, "sizes"), [features(result, name) for name in ("lying", "upright")]
    np.testing.assert_allclose(both, np.concatenate(halves), rtol=1e-4, atol=1e-5)
    stretched = "1 frames of another size are stretched to the shape of the first"
    assert stretched in manifest(result / "tsn")["sizes"]["problems"]
    assert not any("stretched" in problem for problem in manifest(result / "timm")["sizes"]["problems"])
