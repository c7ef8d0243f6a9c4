"""What is looked for in folders, tars and data sets: videos, and sound where a feature type wants sound."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from support.media import moving_frames, waveform, write_audio, write_clip
from support.program import manifest, run
from support.sources import write_shard

SMALLEST = {"resnet": ("--model_name", "resnet18"), "timm": ("--model_name", "test_vit")}
SOUND = {"audio": waveform(0, 2.0, 16000), "audio_rate": 16000}
OFFLINE = {"HF_HUB_OFFLINE": "1"}


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the bytes of a video with sound, of one without, and of sound in three formats."""
    folder = tmp_path_factory.mktemp("media")
    write_clip(folder / "video.mp4", moving_frames(5), **SOUND)
    write_clip(folder / "silent.mp4", moving_frames(7))
    for name, codec in (("a.flac", "flac"), ("b.mp3", "libmp3lame"), ("c.wav", "pcm_s16le")):
        write_audio(folder / name, waveform(1, 2.0, 16000), 16000, codec)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def extract(
    output: Path, types: str, *flags: Any, code: int = 0, env: dict[str, str] | None = None
) -> tuple[dict[str, dict[str, str]], subprocess.CompletedProcess[str]]:
    """Run; return the status of each video by feature type and name, and what the program said."""
    network = SMALLEST.get(types.split()[0], ())
    always = ("--feature_type", *types.split(), "--weights", "random", *network, "--device", "cpu")
    done = run(*always, "--on_extraction", "save_numpy", "--output_path", output, *flags, env=env)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    folders = [output / kind for kind in types.split() if (output / kind / "manifest.jsonl").exists()]
    found = {folder.name: {name: line["status"] for name, line in manifest(folder).items()} for folder in folders}
    return found, done


def write_media(folder: Path, media: dict[str, bytes]) -> None:
    """Write videos and sounds in subfolders, among files that are neither."""
    files = {
        "video.mp4": "video.mp4", "CAMERA.MTS": "video.mp4", "sub/old.3gp": "video.mp4",
        "sub/a.flac": "a.flac", "b.mp3": "b.mp3", "video.wav": "c.wav",
        "._video.mp4": "c.wav", ".DS_Store": "c.wav", "notes.txt": "c.wav", "sub/cover.jpg": "c.wav",
    }  # fmt: skip
    for name, source in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(media[source])


def test_a_folder_of_videos_or_sound(tmp_path: Path, media: dict[str, bytes]) -> None:
    write_media(tmp_path / "in", media)
    source = ("--input_dir", tmp_path / "in")
    found, done = extract(tmp_path / "frames", "resnet", *source)
    assert found["resnet"] == dict.fromkeys(["CAMERA", "sub/old", "video"], "done")
    assert "(no video file)" in done.stderr
    found, _ = extract(tmp_path / "given", "vggish", *source, "--glob", "*.wav", "*.flac")
    assert found["vggish"] == dict.fromkeys(["video", "sub/a"], "done")


def test_a_shard_of_sound(tmp_path: Path, media: dict[str, bytes]) -> None:
    members = {name: media[name] for name in ("a.flac", "b.mp3", "c.wav")} | {"._a.flac": b"x", "a.json": b"{}"}
    write_shard(tmp_path / "s.tar", members)
    found, _ = extract(tmp_path / "out", "vggish", "--tar_path", tmp_path / "s.tar")
    assert found["vggish"] == dict.fromkeys(["s/a", "s/b", "s/c"], "done")
    rows = [np.load(tmp_path / "out" / "vggish" / "s" / f"{name}_vggish.npy") for name in "ac"]
    assert rows[0].shape == (2, 128)
    np.testing.assert_array_equal(*rows)  # FLAC and WAV hold the same samples
    again, done = extract(tmp_path / "out", "vggish", "--tar_path", tmp_path / "s.tar")
    assert again == found and "3 more were done already" in done.stdout
    found, done = extract(tmp_path / "none", "timm", "--tar_path", tmp_path / "s.tar", code=2)
    assert not found
    assert "--tar_path has no video file; it has 1 .flac, 1 .mp3, 1 .wav, 1 of macOS" in done.stderr
    write_shard(tmp_path / "t.tar", {"v.mp4": media["video.mp4"], "v.wav": media["c.wav"], "x.ogg": b"x"})
    found, done = extract(tmp_path / "mixed", "timm vggish", "--tar_path", tmp_path / "t.tar", code=1)
    assert found == {"timm": {"t/v": "done"}, "vggish": {"t/v": "done", "t/x": "failed"}}
    assert "--tar_path: left out 1 sound files beside videos of the same name" in done.stderr


def test_nothing_found_is_an_error(tmp_path: Path, media: dict[str, bytes]) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.flac").write_bytes(media["a.flac"])
    _, done = extract(tmp_path / "out", "resnet", "--input_dir", tmp_path / "in", code=2)
    assert f"--input_dir {tmp_path / 'in'} has no video file; it has 1 .flac" in done.stderr
    _, done = extract(tmp_path / "out", "resnet", "--video_paths", "a.mp4", "--video_root", tmp_path / "absent", code=2)
    assert f"--video_root {tmp_path / 'absent'}: no such folder" in done.stderr
    assert not (tmp_path / "out").exists()
    _, done = extract(tmp_path / "out", "resnet vggish", "--input_dir", tmp_path / "in", code=2)
    assert "a feature type takes frames, and only sound files were found" in done.stderr
    assert not (tmp_path / "out").exists()
    write_shard(tmp_path / "s.tar", {"a.flac": media["a.flac"], "b.mp3": media["b.mp3"]})
    found, done = extract(tmp_path / "out", "timm vggish", "--tar_path", tmp_path / "s.tar", "--limit", 1)
    assert found["vggish"] == {"s/a": "done"}
    found, done = extract(tmp_path / "out", "timm vggish", "--tar_path", tmp_path / "s.tar", code=2)
    assert found["vggish"] == {"s/a": "done", "s/b": "done"}
    assert "a feature type takes frames, and only sound files were found" in done.stderr
    for name, content in (("empty.txt", "# none\n"), ("empty.csv", "path\n")):
        (tmp_path / name).write_text(content)
        _, done = extract(tmp_path / "out", "resnet", "--video_list", tmp_path / name, code=2)
        assert f"{name} has no path in it" in done.stderr
    write_shard(tmp_path / "empty.tar", {})
    _, done = extract(tmp_path / "none", "resnet", "--tar_path", tmp_path / "empty.tar", code=2)
    assert "--tar_path has no video file; it has no files" in done.stderr


def write_suffixes(folder: Path) -> None:
    """Write real files of the formats that suffixes stand for; `a` to `e` have pictures, all have the same sound."""
    speech = waveform(0, 2.0, 48000)
    for name, codec, sound in (
        ("a.mts", "libx264", "ac3"),
        ("b.M2TS", "libx264", "ac3"),
        ("c.vob", "mpeg2video", "mp2"),
        ("e.mkv", "libvpx", "libopus"),
    ):
        write_clip(folder / name, moving_frames(5), codec=codec, audio=speech, audio_rate=48000, audio_codec=sound)
    write_clip(folder / "d.3gp", moving_frames(5), codec="mpeg4", audio=speech, audio_rate=48000)
    (folder / "e.mkv").rename(folder / "e.ogv")
    for name, codec in (("f.m4a", "aac"), ("g.OPUS", "libopus"), ("h.flac", "flac"), ("i.aiff", "pcm_s16be")):
        write_audio(folder / name, speech, 48000, codec)


def test_every_usual_suffix_is_found(tmp_path: Path, media: dict[str, bytes]) -> None:
    """In a folder and in a tar; what is no video and no sound is left out and counted."""
    source, output = tmp_path / "in", tmp_path / "out"
    write_media(source, media)
    (source / "all").mkdir()
    write_suffixes(source / "all")
    (source / "silent.mp4").write_bytes(media["silent.mp4"])
    write_shard(tmp_path / "s.tar", {path.name: path.read_bytes() for path in sorted((source / "all").iterdir())})
    (output / "vggish").mkdir(parents=True)
    closed = {"id": f"{source}/sub/", "status": "failed", "name": "sub/.closed"}  # by a run that could not search it
    (output / "vggish" / "manifest.jsonl").write_text(json.dumps(closed) + "\n")
    flags = ("--resnet.extraction_fps", 10, "--input_dir", source, "--tar_path", tmp_path / "s.tar")
    found, done = extract(output, "resnet vggish", *flags, "--check_progress", tmp_path / "done.txt", code=1)
    videos = [f"{folder}/{x}" for folder in ("all", "s") for x in "abcde"] + ["CAMERA", "sub/old", "video"]
    sounds = [f"{folder}/{x}" for folder in ("all", "s") for x in "fghi"] + ["b", "sub/a"]
    assert found["resnet"] == dict.fromkeys([*videos, "silent"], "done")
    others = {"silent": "failed", "sub/.closed": "cleared"}
    assert found["vggish"] == dict.fromkeys([*videos, *sounds], "done") | others
    assert (
        "left out 2 of macOS, 1 .txt, 1 .jpg, 1 sound files beside videos of the same name (no video or" in done.stderr
    )
    finished = (tmp_path / "done.txt").read_text()  # with every type
    assert len(finished.splitlines()) == len(videos) + len(sounds) and "silent" not in finished
    known = np.load(output / "vggish" / "all" / "h_vggish.npy")  # of FLAC
    for x in "abcdefghi":
        features = np.load(output / "vggish" / "all" / f"{x}_vggish.npy")
        assert np.abs(features - known).max() < 0.2 * np.abs(known).max(), x
        np.testing.assert_array_equal(features, np.load(output / "vggish" / "s" / f"{x}_vggish.npy"))


def test_a_video_without_sound(tmp_path: Path, media: dict[str, bytes]) -> None:
    for name in ("video.mp4", "silent.mp4"):
        (tmp_path / name).write_bytes(media[name])
    (tmp_path / "broken.mp4").write_bytes(bytes(5000))
    flags = ("--no_audio", "skip", "--video_paths", tmp_path / "video.mp4", tmp_path / "silent.mp4")
    found, done = extract(tmp_path / "out", "vggish", *flags)
    assert found["vggish"] == {"video": "done", "silent": "skipped"}
    assert "1 skipped" in done.stdout and "(--no_audio skip)" in done.stdout
    lines = (tmp_path / "out" / "vggish" / "manifest.jsonl").read_text()
    found, _ = extract(tmp_path / "out", "vggish", *flags, tmp_path / "broken.mp4", code=1)
    assert found["vggish"] == {"video": "done", "silent": "skipped", "broken": "failed"}
    after = (tmp_path / "out" / "vggish" / "manifest.jsonl").read_text()
    assert after.startswith(lines) and after.count("\n") == 3


def write_data_set(folder: Path, rows: dict[str, list[Any]], kinds: dict[str, str]) -> Path:
    """Write rows as a data set of one Parquet file, with its features as the package describes them."""
    features = {name: {"_type": kind} for name, kind in kinds.items()}
    about = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    folder.mkdir()
    parquet.write_table(pa.table(rows).replace_schema_metadata(about), folder / "train.parquet")
    return folder


def test_data_sets_with_sound(tmp_path: Path, media: dict[str, bytes]) -> None:
    sounds = [{"bytes": media[name], "path": name} for name in ("a.flac", "b.mp3")]
    videos = [{"bytes": media["silent.mp4"], "path": f"clips/{name}.mp4"} for name in ("v", "w")]
    kinds = {"speech": "Audio", "noise": "Audio"}
    rows = {"speech": sounds, "noise": sounds[::-1]}
    source = ("--hf_dataset", write_data_set(tmp_path / "sound", rows, kinds))
    found, _ = extract(tmp_path / "one", "vggish", *source, env=OFFLINE)
    assert found["vggish"] == {"a": "done", "b": "done"}
    found, _ = extract(tmp_path / "other", "vggish", *source, "--hf_audio_column", "noise", env=OFFLINE)
    assert found["vggish"] == {"b": "done", "a": "done"}
    for name in "ab":
        rows = [np.load(tmp_path / run / "vggish" / f"{name}_vggish.npy") for run in ("one", "other")]
        assert rows[0].shape == (2, 128)
        np.testing.assert_array_equal(*rows)
    _, done = extract(tmp_path / "none", "timm", *source, env=OFFLINE, code=2)
    assert "no column has videos" in done.stderr
    rows = {"audio": [sounds[0], None], "video": videos}
    source = ("--hf_dataset", write_data_set(tmp_path / "both", rows, {"audio": "Audio", "video": "Video"}))
    found, _ = extract(tmp_path / "failed", "timm vggish", *source, env=OFFLINE, code=1)
    assert found == {"timm": {"v": "done", "w": "done"}, "vggish": {"v": "done", "w": "failed"}}
    found, _ = extract(tmp_path / "two", "timm vggish", *source, "--no_audio", "skip", env=OFFLINE)
    assert found == {"timm": {"v": "done", "w": "done"}, "vggish": {"v": "done", "w": "skipped"}}
    assert len(np.load(tmp_path / "two" / "timm" / "v_timm.npy")) == 7
    assert len(np.load(tmp_path / "two" / "vggish" / "v_vggish.npy")) == 2


def test_data_sets_of_sound_without_features_of_the_package(tmp_path: Path, media: dict[str, bytes]) -> None:
    (tmp_path / "data").mkdir()
    column = pa.array([{"bytes": media["b.mp3"], "path": "s.mp3"}])
    parquet.write_table(pa.table({"audio": column, "text": ["hello"]}), tmp_path / "data" / "train.parquet")
    found, _ = extract(tmp_path / "out", "vggish", "--hf_dataset", tmp_path / "data", env=OFFLINE)
    assert found["vggish"] == {"s": "done"}
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "s.mp3").write_bytes(media["b.mp3"])
    found, _ = extract(tmp_path / "again", "vggish", "--hf_dataset", tmp_path / "files", env=OFFLINE)
    assert found["vggish"] == {"s": "done"}
