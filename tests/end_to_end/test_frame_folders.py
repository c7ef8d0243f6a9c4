"""Folders of frames are videos: from main.py's command line to the same features as a video of these frames."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.media import moving_frames, write_clip
from support.program import ROOT, manifest, run

pytestmark = pytest.mark.bits  # of one run against another

PROGRAM = ROOT / "tests" / "support" / "tiny_program.py"
FRAMES = moving_frames(23)
ALWAYS = ("--device", "cpu", "--on_extraction", "save_numpy")


def write_frames(folder: Path, name: str = "{:06d}.png", frames: np.ndarray = FRAMES, first: int = 1) -> Path:
    """Write frames as numbered pictures, and return their folder."""
    folder.mkdir(parents=True)
    for number, pixels in enumerate(frames, first):
        Image.fromarray(pixels).save(folder / name.format(number), quality=95)
    return folder


def extract(output: Path, *flags: Any, code: int = 0) -> tuple[dict[str, dict[str, Any]], str]:
    """Run with the type `tiny`, whose features are the means of the frames; return its manifest and stderr."""
    done = run("--feature_type", "tiny", *ALWAYS, "--output_path", output, *flags, program=PROGRAM)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    lines = manifest(output / "tiny") if (output / "tiny").exists() else {}
    return lines, done.stderr


def means(frames: np.ndarray) -> np.ndarray:
    """Return the features of frames."""
    return frames.reshape(len(frames), -1).mean(axis=1, dtype=np.float64)


def check_features(output: Path, name: str, frames: np.ndarray) -> None:
    """Assert that the features of a video are those of these frames."""
    np.testing.assert_allclose(np.load(output / "tiny" / f"{name}_tiny.npy")[:, 0], means(frames), rtol=1e-5)


def test_the_features_are_those_of_a_lossless_video(tmp_path: Path) -> None:
    write_clip(tmp_path / "video.mkv", FRAMES, 10, "ffv1", pix_fmt="bgr0")
    write_frames(tmp_path / "frames")
    networks = ("--num_clips", 3, "--side_size", 64, "--crop_size", 64, "--model_name", "test_vit")
    types = ("--feature_type", "tsn", "timm", "--weights", "random", *networks)
    sources = ("--video_paths", tmp_path / "video.mkv", tmp_path / "frames")
    for fps in ((), ("--extraction_fps", 5)):
        output = tmp_path / f"out{len(fps)}"
        done = run(*types, *ALWAYS, *fps, *sources, "--frames_fps", 10, "--output_path", output)
        assert done.returncode == 0, (done.stdout, done.stderr)
        for kind in ("tsn", "timm"):
            saved = {path.name: np.load(path) for path in (output / kind).glob("*.npy")}
            of_video = {name: array for name, array in saved.items() if name.startswith("video_")}
            assert of_video
            for name, array in of_video.items():
                np.testing.assert_array_equal(saved[name.replace("video_", "frames_")], array)


def test_folders_in_lists_and_patterns(tmp_path: Path) -> None:
    raw = write_frames(tmp_path / "root" / "raw" / "v.g01", "img_{:05d}.png")
    for number, pixels in enumerate(FRAMES, 1):
        Image.fromarray(pixels[..., 0]).save(raw / f"flow_x_{number:05d}.jpg")
        Image.fromarray(pixels[..., 0]).save(raw / f"flow_y_{number:05d}.jpg")
    write_frames(tmp_path / "root" / "plain", "{}.bmp", first=0)
    (tmp_path / "root" / "list.csv").write_text(
        "path,start_s,end_s\nraw/v.g01/,,\nplain/%d.bmp,0.5,1.5\nraw/v.g01/img_%05d.png,0,0.5\n"
    )
    source = ("--video_list", tmp_path / "root" / "list.csv", "--frames_fps", 10)
    found, _ = extract(tmp_path / "out", *source)
    assert {line["status"] for line in found.values()} == {"done"}
    check_features(tmp_path / "out", "v.g01", FRAMES)
    check_features(tmp_path / "out", "plain_0.5_1.5", FRAMES[5:15])
    check_features(tmp_path / "out", "v.g01_0_0.5", FRAMES[:5])
    found, _ = extract(tmp_path / "rooted", *source, "--video_root", tmp_path / "root")
    assert set(found) == {"raw/v.g01", "plain_0.5_1.5", "raw/v.g01_0_0.5"}
    other, _ = extract(tmp_path / "out", *source[:-1], 20, "--overwrite")
    check_features(tmp_path / "out", "plain_0.5_1.5", FRAMES[10:])
    assert other["v.g01"]["settings_hash"] != found["raw/v.g01"]["settings_hash"]


def test_a_search_finds_folders_of_frames(tmp_path: Path) -> None:
    write_frames(tmp_path / "in" / "a", "img_{:05d}.jpg")
    (tmp_path / "in" / "a" / "._img_00001.jpg").write_bytes(b"of macOS")
    write_frames(tmp_path / "in" / "deep" / "b")
    write_frames(tmp_path / "in" / "beside", frames=FRAMES[:2])
    write_clip(tmp_path / "in" / "beside" / "clip.mp4", FRAMES[:5])
    write_frames(tmp_path / "in" / "one", frames=FRAMES[:1])
    found, said = extract(tmp_path / "out", "--input_dir", tmp_path / "in")
    assert set(found) == {"a", "deep/b", "beside/clip"}
    assert "left out 3 .png, 1 of macOS" in said
    assert len(np.load(tmp_path / "out" / "tiny" / "a_tiny.npy")) == 23
    jpeg = np.stack([np.asarray(Image.open(path)) for path in sorted((tmp_path / "in" / "a").glob("img*"))])
    check_features(tmp_path / "out", "a", jpeg)
    found, _ = extract(tmp_path / "itself", "--input_dir", tmp_path / "in" / "deep" / "b")
    check_features(tmp_path / "itself", "b", FRAMES)
    found, _ = extract(tmp_path / "globbed", "--input_dir", tmp_path / "in", "--glob", "*.mp4")
    assert set(found) == {"beside/clip"}


def test_a_changed_folder_is_extracted_again(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "v", frames=FRAMES[:8])
    found, _ = extract(tmp_path / "out", "--video_paths", folder)
    assert found["v"]["source"]["files"] == 8
    Image.fromarray(FRAMES[8]).save(folder / "000009.png")
    again, _ = extract(tmp_path / "out", "--video_paths", folder)
    assert again["v"]["source"]["files"] == 9
    check_features(tmp_path / "out", "v", FRAMES[:9])
    before = (tmp_path / "out" / "tiny" / "manifest.jsonl").read_text()
    extract(tmp_path / "out", "--video_paths", folder)
    assert (tmp_path / "out" / "tiny" / "manifest.jsonl").read_text() == before


def test_what_is_wrong_with_folders_of_frames(tmp_path: Path) -> None:
    damaged, missing, mixed = (write_frames(tmp_path / name) for name in ("damaged", "missing", "mixed"))
    data = (damaged / "000005.png").read_bytes()
    (damaged / "000005.png").write_bytes(data[: len(data) // 2])
    (damaged / "000009.png").write_bytes(b"")
    (missing / "000011.png").unlink()
    for number in (1, 2, 3):
        Image.fromarray(FRAMES[0]).save(mixed / f"other_{number}.png")
    (tmp_path / "empty").mkdir()
    all_broken = write_frames(tmp_path / "broken", frames=FRAMES[:2])
    for path in all_broken.iterdir():
        path.write_bytes(b"\xff\xd8\xff broken")
    names = ("damaged", "missing", "mixed", "empty", "broken", "absent/%06d.jpg")
    found, _ = extract(tmp_path / "out", "--video_paths", *(tmp_path / name for name in names), code=1)
    status = {name: (line["status"], " ".join([line.get("reason") or "", *line.get("problems", [])]))
              for name, line in found.items()}  # fmt: skip
    expected = {
        "damaged": ("partial", "2 pictures do not decode"),
        "missing": ("partial", "1 pictures are missing between the first and the last"),
        "mixed": ("failed", "numbered in several ways. Give one of %06d.png, other_%d.png after the folder"),
        "empty": ("failed", "a folder without numbered pictures"),
        "broken": ("failed", "not one of its pictures decodes"),
        "absent": ("failed", "No such file"),
    }
    for name, (kind, reason) in expected.items():
        assert status[name][0] == kind and reason in status[name][1], (name, status[name])
    check_features(tmp_path / "out", "damaged", FRAMES[[i for i in range(23) if i not in (4, 8)]])
    check_features(tmp_path / "out", "missing", FRAMES[[i for i in range(23) if i != 10]])


@pytest.mark.parametrize("fps", ["0", "-1", "nan", "1001"])
def test_a_rate_that_no_video_has_is_refused(tmp_path: Path, fps: str) -> None:
    _, said = extract(tmp_path / "out", "--video_paths", tmp_path, "--frames_fps", fps, code=2)
    assert "--frames_fps" in said
    assert not (tmp_path / "out").exists()


def test_sound_of_a_folder_of_frames(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "v", frames=FRAMES[:3])
    for flags, code, status in (((), 1, "failed"), (("--no_audio", "skip"), 0, "skipped")):
        output = tmp_path / f"out{code}"
        types = ("--feature_type", "tiny", "loudness")
        done = run(*types, *ALWAYS, "--output_path", output, "--video_paths", folder, *flags, program=PROGRAM)
        assert done.returncode == code, done.stderr
        lines = [json.loads(line) for line in (output / "loudness" / "manifest.jsonl").read_text().splitlines()]
        assert [line["status"] for line in lines] == [status]
        assert manifest(output / "tiny")["v"]["status"] == "done"
