"""Files of each container, damaged at random, through the program: what is lost is never a silent `done`."""

import random
from pathlib import Path
from typing import cast

import av
from support.media import waveform, write_audio
from support.program import manifest, run

from benchmarks.damage import damaged
from benchmarks.faults_media import CONTAINERS, RATE_HZ, write

EACH = 2  # mutants of each container
SEED = 1_000_003
VGGISH_HZ = 16000
SHORT = {  # codec, and how many bytes are cut off: FFmpeg sees nothing missing
    "sox.sox": ("pcm_s32le", 4000),
    "riff.wav": ("pcm_s16le", 3 * 32000 - 22 * 4096),  # whole blocks are left
    "asf.wma": ("pcm_s16le", 3200),  # a packet
    "layer2.mp2": ("mp2", 500),
}
MPEG4_CODED = 0x20  # in the sixth byte of a picture of `faststart.mov`: it is more than a header


def write_hollow(path: Path, original: Path) -> None:
    """Write a copy of an MPEG-4 file one of whose pictures says that it has no content."""
    data = bytearray(original.read_bytes())
    with av.open(str(original)) as container:
        pictures = [packet for packet in container.demux(video=0) if packet.size]
    data[cast(int, pictures[17].pos) + 5] &= ~MPEG4_CODED
    path.write_bytes(data)


def test_mutants(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    healthy = [write(tmp_path, name) for name in CONTAINERS]
    expected = {}
    for number in range(EACH * len(healthy)):
        original = healthy[number % len(healthy)]
        path = tmp_path / "in" / f"{number:03d}{original.path.suffix}"
        damaged(random.Random(SEED + number), original.path, CONTAINERS[original.path.name][2], path)
        expected[path.stem] = original
    write_hollow(tmp_path / "in" / "hollow.mov", tmp_path / "faststart.mov")
    for name, (codec, n_bytes) in SHORT.items():
        whole = write_audio(tmp_path / name, waveform(0, 3.0, VGGISH_HZ), VGGISH_HZ, codec).read_bytes()
        (tmp_path / "in" / name).write_bytes(whole[:-n_bytes])
    done = run(
        "--feature_type", "resnet", "vggish", "--weights", "random", "--model_name", "resnet18",
        "--resnet.extraction_fps", 1, "--input_dir", tmp_path / "in", "--glob", "*", "--device", "cpu",
        "--on_extraction", "save_numpy", "--output_path", tmp_path / "out",
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    frames, sound = (manifest(tmp_path / "out" / name) for name in ("resnet", "vggish"))
    assert (frames["hollow"]["status"], frames["hollow"]["problems"]) == ("partial", ["99 of 100 frames decode"])
    for name, (_, n_bytes) in SHORT.items():
        line = sound[Path(name).stem]
        assert line["status"] == "partial", name
        assert any(f"the file ends {n_bytes} bytes before the end of its" in problem for problem in line["problems"])
    for name, original in expected.items():
        line = frames[name]
        if original.pictures and line["status"] == "done" and not line["problems"]:
            assert line["decoded"] == original.pictures.n, name
        line = sound[name]
        if original.sound and line["status"] == "done" and not line["problems"]:
            assert line["decoded"] >= original.sound.n * VGGISH_HZ // RATE_HZ, name
    statuses = [line["status"] for lines in (frames, sound) for line in lines.values()]
    assert {"done", "partial", "failed"} <= set(statuses)
