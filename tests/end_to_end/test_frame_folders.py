"""Folders of frames are videos: from main.py's command line to the same features as a video of these frames."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.media import moving_frames, write_clip
from support.program import TINY_PROGRAM, manifest, run

pytestmark = pytest.mark.bits  # of one run against another

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
    done = run("--feature_type", "tiny", *ALWAYS, "--output_path", output, *flags, program=TINY_PROGRAM)
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


NETWORKS = ("--weights", "random", "--model_name", "test_vit")
Found = dict[str, tuple[dict[str, Any], np.ndarray | None]]  # by name: the line of the manifest, the features


def write_folders(folder: Path) -> None:
    """Write folders of frames to be searched, beside a lossless video of the same frames, and some for lists."""
    write_clip(folder / "in" / "video.mkv", FRAMES, 10, "ffv1", pix_fmt="bgr0")
    write_frames(folder / "in" / "a", "img_{:05d}.jpg")
    (folder / "in" / "a" / "._img_00001.jpg").write_bytes(b"of macOS")
    write_frames(folder / "in" / "deep" / "b")
    write_frames(folder / "in" / "beside", frames=FRAMES[:2])
    write_clip(folder / "in" / "beside" / "clip.mp4", FRAMES[:5])
    write_frames(folder / "in" / "one", frames=FRAMES[:1])
    raw = write_frames(folder / "root" / "raw" / "v.g01", "img_{:05d}.png")
    for number, pixels in enumerate(FRAMES, 1):
        Image.fromarray(pixels[..., 0]).save(raw / f"flow_x_{number:05d}.jpg")
        Image.fromarray(pixels[..., 0]).save(raw / f"flow_y_{number:05d}.jpg")
    write_frames(folder / "root" / "plain", "{}.bmp", first=0)
    (folder / "root" / "list.csv").write_text(
        "path,start_s,end_s\nraw/v.g01/,,\nplain/%d.bmp,0.5,1.5\nraw/v.g01/img_%05d.png,0,0.5\n"
    )


def write_damaged(folder: Path) -> None:
    """Write folders of frames that have something wrong with them."""
    damaged, missing, mixed = (write_frames(folder / name) for name in ("damaged", "missing", "mixed"))
    data = (damaged / "000005.png").read_bytes()
    (damaged / "000005.png").write_bytes(data[: len(data) // 2])
    (damaged / "000009.png").write_bytes(b"")
    (missing / "000011.png").unlink()
    for number in (1, 2, 3):
        Image.fromarray(FRAMES[0]).save(mixed / f"other_{number}.png")
    (folder / "empty").mkdir()
    for path in write_frames(folder / "broken", frames=FRAMES[:2]).iterdir():
        path.write_bytes(b"\xff\xd8\xff broken")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("frames")
    (folder / "in").mkdir()
    write_folders(folder)
    write_damaged(folder)
    return folder


@pytest.fixture(scope="module")
def found(folder: Path) -> tuple[Found, str]:
    """Return what one run over all the folders finds, and its messages."""
    names = ("damaged", "missing", "mixed", "empty", "broken", "absent/%06d.jpg")
    sources = ("--input_dir", folder / "in", "--video_paths", *(folder / name for name in names))
    flags = ("--feature_type", "timm", *NETWORKS, *ALWAYS, "--frames_fps", 10, "--output_path", folder / "out")
    done = run(*flags, *sources, "--video_list", folder / "root" / "list.csv")
    assert done.returncode == 1 and "Traceback" not in done.stderr, (done.stdout, done.stderr)
    files = {name: folder / "out" / "timm" / f"{name}_timm.npy" for name in manifest(folder / "out" / "timm")}
    lines = manifest(folder / "out" / "timm")
    return {name: (lines[name], np.load(path) if path.exists() else None) for name, path in files.items()}, done.stderr


def check_rows(found: tuple[Found, str], name: str, rows: list[int] | slice) -> None:
    """Assert that the features of a folder are those of these frames of the lossless video."""
    known, features = found[0]["video"][1], found[0][name][1]
    assert known is not None and features is not None and len(known) == len(FRAMES)
    np.testing.assert_allclose(features, known[rows], rtol=1e-4, atol=1e-5, err_msg=name)


def test_the_features_are_those_of_a_lossless_video(folder: Path, tmp_path: Path) -> None:
    types = (
        "--feature_type",
        "tsn",
        "timm",
        "--num_clips",
        3,
        "--side_size",
        64,
        "--crop_size",
        64,
        "--extraction_fps",
        5,
    )
    sources = ("--video_paths", folder / "in" / "video.mkv", folder / "in" / "deep" / "b")
    done = run(*types, *NETWORKS, *ALWAYS, *sources, "--frames_fps", 10, "--output_path", tmp_path)
    assert done.returncode == 0, (done.stdout, done.stderr)
    for kind in ("tsn", "timm"):
        saved = {path.name: np.load(path) for path in (tmp_path / kind).glob("*.npy")}
        of_video = {name: array for name, array in saved.items() if name.startswith("video_")}
        assert of_video
        for name, array in of_video.items():
            np.testing.assert_array_equal(saved[name.replace("video_", "b_")], array)


def test_folders_in_lists_and_patterns(found: tuple[Found, str], folder: Path, tmp_path: Path) -> None:
    check_rows(found, "v.g01", slice(None))
    check_rows(found, "plain_0.5_1.5", slice(5, 15))
    check_rows(found, "v.g01_0_0.5", slice(5))
    source = ("--video_list", folder / "root" / "list.csv", "--video_root", folder / "root", "--frames_fps")
    other, _ = extract(tmp_path, *source, 20)
    assert set(other) == {"raw/v.g01", "plain_0.5_1.5", "raw/v.g01_0_0.5"}
    check_features(tmp_path, "plain_0.5_1.5", FRAMES[10:])
    _, said = extract(tmp_path, *source, 10, code=2)
    assert "frames_fps: 20.0 there, 10.0 now" in said


def test_a_search_finds_folders_of_frames(found: tuple[Found, str], folder: Path, tmp_path: Path) -> None:
    assert {name for name in found[0] if found[0][name][0]["source"]["path"].startswith(f"{folder}/in/")} == {
        "video", "a", "deep/b", "beside/clip",
    }  # fmt: skip
    assert "left out 3 .png, 1 of macOS" in found[1]
    check_rows(found, "deep/b", slice(None))
    rows = found[0]["a"][1]
    assert rows is not None and len(rows) == 23
    only, _ = extract(tmp_path / "itself", "--input_dir", folder / "in" / "deep" / "b")
    assert set(only) == {"b"}
    check_features(tmp_path / "itself", "b", FRAMES)
    only, _ = extract(tmp_path / "globbed", "--input_dir", folder / "in", "--glob", "*.mp4", "img*")
    assert set(only) == {"beside/clip", "a"}
    jpeg = np.stack([np.asarray(Image.open(path)) for path in sorted((folder / "in" / "a").glob("img*"))])
    check_features(tmp_path / "globbed", "a", jpeg)


def test_what_is_wrong_with_folders_of_frames(found: tuple[Found, str]) -> None:
    expected = {
        "damaged": ("partial", "2 pictures do not decode"),
        "missing": ("partial", "1 pictures are missing between the first and the last"),
        "mixed": ("failed", "numbered in several ways. Give one of %06d.png, other_%d.png after the folder"),
        "empty": ("failed", "a folder without numbered pictures"),
        "broken": ("failed", "not one of its pictures decodes"),
        "absent": ("failed", "No such file"),
    }
    for name, (status, reason) in expected.items():
        line, _ = found[0][name]
        assert (name, line["status"]) == (name, status)
        assert reason in " ".join([line.get("reason") or "", *line.get("problems", [])]), name
    check_rows(found, "damaged", [i for i in range(23) if i not in (4, 8)])
    check_rows(found, "missing", [i for i in range(23) if i != 10])


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
        done = run(*types, *ALWAYS, "--output_path", output, "--video_paths", folder, *flags, program=TINY_PROGRAM)
        assert done.returncode == code, done.stderr
        lines = [json.loads(line) for line in (output / "loudness" / "manifest.jsonl").read_text().splitlines()]
        assert [line["status"] for line in lines] == [status]
        assert manifest(output / "tiny")["v"]["status"] == "done"
