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
from support.program import ROOT, manifest, run
from support.sources import write_shard

PROGRAM = ROOT / "tests" / "support" / "tiny_program.py"
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
    always = ("--feature_type", *types.split(), "--device", "cpu", "--on_extraction", "save_numpy")
    done = run(*always, "--output_path", output, *flags, program=PROGRAM, env=env)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    folders = [output / kind for kind in types.split() if (output / kind / "manifest.jsonl").exists()]
    found = {folder.name: {name: line["status"] for name, line in manifest(folder).items()} for folder in folders}
    return found, done


def test_a_folder_of_videos_and_sound(tmp_path: Path, media: dict[str, bytes]) -> None:
    files = {
        "video.mp4": "video.mp4", "CAMERA.MTS": "video.mp4", "sub/old.3gp": "video.mp4",
        "sub/a.flac": "a.flac", "b.mp3": "b.mp3", "video.wav": "c.wav",
        "._video.mp4": "c.wav", ".DS_Store": "c.wav", "notes.txt": "c.wav", "sub/cover.jpg": "c.wav",
    }  # fmt: skip
    for name, source in files.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(media[source])
    videos, sounds = ["CAMERA", "sub/old", "video"], ["b", "sub/a"]
    source = ("--input_dir", tmp_path / "in")
    found, done = extract(tmp_path / "both", "tiny loudness", *source)
    assert found["tiny"] == dict.fromkeys(videos, "done")
    assert found["loudness"] == dict.fromkeys([*videos, *sounds], "done")
    assert (
        "left out 2 of macOS, 1 .txt, 1 .jpg, 1 sound files beside videos of the same name (no video or" in done.stderr
    )
    found, done = extract(tmp_path / "frames", "tiny", *source)
    assert found["tiny"] == dict.fromkeys(videos, "done")
    assert "(no video file)" in done.stderr
    found, _ = extract(tmp_path / "given", "loudness", *source, "--glob", "*.wav", "*.flac")
    assert found["loudness"] == dict.fromkeys(["video", "sub/a"], "done")


def test_a_shard_of_sound(tmp_path: Path, media: dict[str, bytes]) -> None:
    members = {name: media[name] for name in ("a.flac", "b.mp3", "c.wav")} | {"._a.flac": b"x", "a.json": b"{}"}
    write_shard(tmp_path / "s.tar", members)
    found, _ = extract(tmp_path / "out", "loudness", "--tar_path", tmp_path / "s.tar")
    assert found["loudness"] == dict.fromkeys(["s/a", "s/b", "s/c"], "done")
    again, done = extract(tmp_path / "out", "loudness", "--tar_path", tmp_path / "s.tar")
    assert again == found and "3 more were done already" in done.stdout
    found, done = extract(tmp_path / "none", "tiny", "--tar_path", tmp_path / "s.tar", code=2)
    assert not found
    assert "--tar_path has no video file; it has 1 .flac, 1 .mp3, 1 .wav, 1 of macOS" in done.stderr
    write_shard(tmp_path / "t.tar", {"v.mp4": media["video.mp4"], "v.wav": media["c.wav"], "x.ogg": b"x"})
    found, done = extract(tmp_path / "mixed", "tiny loudness", "--tar_path", tmp_path / "t.tar", code=1)
    assert found == {"tiny": {"t/v": "done"}, "loudness": {"t/v": "done", "t/x": "failed"}}
    assert "--tar_path: left out 1 sound files beside videos of the same name" in done.stderr


def test_nothing_found_is_an_error(tmp_path: Path, media: dict[str, bytes]) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.flac").write_bytes(media["a.flac"])
    _, done = extract(tmp_path / "out", "tiny", "--input_dir", tmp_path / "in", code=2)
    assert f"--input_dir {tmp_path / 'in'} has no video file; it has 1 .flac" in done.stderr
    _, done = extract(tmp_path / "out", "tiny", "--video_paths", "a.mp4", "--video_root", tmp_path / "absent", code=2)
    assert f"--video_root {tmp_path / 'absent'}: no such folder" in done.stderr
    assert not (tmp_path / "out").exists()
    _, done = extract(tmp_path / "out", "tiny loudness", "--input_dir", tmp_path / "in", code=2)
    assert "a feature type takes frames, and only sound files were found" in done.stderr
    assert not (tmp_path / "out").exists()
    write_shard(tmp_path / "s.tar", {"a.flac": media["a.flac"], "b.mp3": media["b.mp3"]})
    found, done = extract(tmp_path / "out", "tiny loudness", "--tar_path", tmp_path / "s.tar", "--limit", 1)
    assert found["loudness"] == {"s/a": "done"}
    found, done = extract(tmp_path / "out", "tiny loudness", "--tar_path", tmp_path / "s.tar", code=2)
    assert found["loudness"] == {"s/a": "done", "s/b": "done"}
    assert "a feature type takes frames, and only sound files were found" in done.stderr
    for name, content in (("empty.txt", "# none\n"), ("empty.csv", "path\n")):
        (tmp_path / name).write_text(content)
        _, done = extract(tmp_path / "out", "tiny", "--video_list", tmp_path / name, code=2)
        assert f"{name} has no path in it" in done.stderr
    write_shard(tmp_path / "empty.tar", {})
    _, done = extract(tmp_path / "none", "tiny", "--tar_path", tmp_path / "empty.tar", code=2)
    assert "--tar_path has no video file; it has no files" in done.stderr


def test_every_usual_suffix_is_found(tmp_path: Path) -> None:
    """Real files of the formats that suffixes stand for, beside those that only a suffix tells."""
    source = tmp_path / "in"
    source.mkdir()
    speech = waveform(0, 2.0, 48000)
    for name, codec, sound in (
        ("a.mts", "libx264", "ac3"),
        ("b.M2TS", "libx264", "ac3"),
        ("c.vob", "mpeg2video", "mp2"),
    ):
        write_clip(source / name, moving_frames(5), codec=codec, audio=speech, audio_rate=48000, audio_codec=sound)
    write_clip(source / "d.3gp", moving_frames(5), codec="mpeg4", audio=SOUND["audio"], audio_rate=16000)
    write_clip(
        source / "e.mkv", moving_frames(5), codec="libvpx", audio=speech, audio_rate=48000, audio_codec="libopus"
    )
    (source / "e.mkv").rename(source / "e.ogv")
    for name, codec in (("f.m4a", "aac"), ("g.OPUS", "libopus"), ("h.flac", "flac"), ("i.aiff", "pcm_s16be")):
        write_audio(source / name, speech, 48000, codec)
    write_shard(tmp_path / "s.tar", {path.name: path.read_bytes() for path in sorted(source.iterdir())})
    flags = ("--input_dir", source, "--tar_path", tmp_path / "s.tar")
    found, _ = extract(tmp_path / "out", "tiny loudness", *flags)
    assert found["tiny"] == {name: "done" for x in "abcde" for name in (x, f"s/{x}")}
    assert found["loudness"] == {name: "done" for x in "abcdefghi" for name in (x, f"s/{x}")}
    for x in "abcdefghi":
        loudness = np.load(tmp_path / "out" / "loudness" / f"{x}_loudness.npy")
        np.testing.assert_allclose(loudness, np.sqrt(np.mean(speech**2)), atol=0.02)
        np.testing.assert_array_equal(loudness, np.load(tmp_path / "out" / "loudness" / "s" / f"{x}_loudness.npy"))


def test_a_video_without_sound(tmp_path: Path, media: dict[str, bytes]) -> None:
    for name in ("video.mp4", "silent.mp4"):
        (tmp_path / name).write_bytes(media[name])
    (tmp_path / "broken.mp4").write_bytes(bytes(5000))
    source = ("--video_paths", tmp_path / "video.mp4", tmp_path / "silent.mp4")
    found, _ = extract(tmp_path / "fail", "tiny loudness", *source, code=1)
    assert found["tiny"] == dict.fromkeys(["video", "silent"], "done")
    assert found["loudness"] == {"video": "done", "silent": "failed"}
    found, done = extract(tmp_path / "skip", "tiny loudness", *source, "--no_audio", "skip")
    assert found["loudness"] == {"video": "done", "silent": "skipped"}
    assert "1 skipped" in done.stdout and "(--no_audio skip)" in done.stdout
    lines = (tmp_path / "skip" / "loudness" / "manifest.jsonl").read_text()
    extract(tmp_path / "skip", "tiny loudness", *source, "--no_audio", "skip")
    assert (tmp_path / "skip" / "loudness" / "manifest.jsonl").read_text() == lines
    found, _ = extract(tmp_path / "other", "loudness", *source, tmp_path / "broken.mp4", "--no_audio", "skip", code=1)
    assert found["loudness"]["broken"] == "failed"


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
    found, _ = extract(tmp_path / "one", "loudness", *source, env=OFFLINE)
    assert found["loudness"] == {"a": "done", "b": "done"}
    found, _ = extract(tmp_path / "other", "loudness", *source, "--hf_audio_column", "noise", env=OFFLINE)
    assert found["loudness"] == {"b": "done", "a": "done"}
    _, done = extract(tmp_path / "none", "tiny", *source, env=OFFLINE, code=2)
    assert "no column has videos" in done.stderr
    rows = {"audio": [sounds[0], None], "video": videos}
    source = ("--hf_dataset", write_data_set(tmp_path / "both", rows, {"audio": "Audio", "video": "Video"}))
    found, _ = extract(tmp_path / "two", "tiny loudness", *source, env=OFFLINE, code=1)
    assert found == {"tiny": {"v": "done", "w": "done"}, "loudness": {"v": "done", "w": "failed"}}
    assert len(np.load(tmp_path / "two" / "tiny" / "v_tiny.npy")) == 7
    assert len(np.load(tmp_path / "two" / "loudness" / "v_loudness.npy")) == 2
    found, _ = extract(tmp_path / "two", "tiny loudness", *source, "--no_audio", "skip", env=OFFLINE)
    assert found["loudness"] == {"v": "done", "w": "skipped"}


def test_a_data_set_without_the_package_s_features(tmp_path: Path, media: dict[str, bytes]) -> None:
    (tmp_path / "data").mkdir()
    column = pa.array([{"bytes": media["b.mp3"], "path": "s.mp3"}])
    parquet.write_table(pa.table({"audio": column, "text": ["hello"]}), tmp_path / "data" / "train.parquet")
    found, _ = extract(tmp_path / "out", "loudness", "--hf_dataset", tmp_path / "data", env=OFFLINE)
    assert found["loudness"] == {"s": "done"}
