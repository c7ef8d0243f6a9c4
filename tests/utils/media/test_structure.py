"""The structure of containers: healthy files have nothing the matter, damaged ones do."""

import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from support.media import join, moving_frames, waveform, write_audio, write_clip
from support.tiny_extractor import TinyExtractor

from utils.media import structure
from utils.media.input import BytesFile, FileRange
from utils.media.structure import CHECKS, findings
from utils.sources.ref import VideoRef
from utils.worker.decode import Decoders
from utils.worker.events import StreamFailed
from utils.worker.plan import Task

SOUND = {"audio": waveform(0, 2.0, 48000), "audio_rate": 48000}
FILES: dict[str, dict[str, object]] = {
    "x.mp4": {},
    "fragments.mp4": {"muxer_options": {"movflags": "frag_keyframe+delay_moov"}, "options": {"g": "10"}},
    "x.mkv": {},
    "x.webm": {"codec": "libvpx-vp9", "audio_codec": "libopus"},
    "x.avi": {"codec": "mpeg4", "audio_codec": "libmp3lame"},
    "x.flv": {"codec": "flv", "audio_codec": "libmp3lame"},
    "x.ts": {},
    "x.mpg": {"codec": "mpeg2video", "audio_codec": "mp2"},
    "x.wmv": {"codec": "wmv2", "audio_codec": "libmp3lame"},
    "x.gif": {"codec": "gif", "pix_fmt": "rgb8", "audio": None},
}
NAMES = {".mkv": "matroska,webm", ".ts": "mpegts", ".mpg": "mpeg", ".wmv": "asf"}


def write(folder: Path, name: str) -> Path:
    if name.endswith(".ogg"):
        return write_audio(folder / name, SOUND["audio"], 48000, "libopus")
    return write_clip(folder / name, moving_frames(50), **({**SOUND, **FILES[name]}))


def found(path: Path) -> list[bool]:
    """Return for each finding whether something is lost."""
    names = (name for name in CHECKS if path.suffix[1:] in name.split(","))
    name = NAMES.get(path.suffix) or next(names)
    return [finding.is_loss for finding in findings(path, path.stat().st_size, name)]


@pytest.mark.parametrize("name", [*FILES, "x.ogg"])
def test_containers(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name)
    assert found(path) == []
    data = path.read_bytes()
    for damaged in (cut_out, zeroed, ended):
        if damaged is ended or name != "x.mp4":  # nothing but its index says where frames are in an MP4 file
            path.write_bytes(damaged(data))
            assert True in found(path), damaged


def cut_out(data: bytes) -> bytes:
    return data[: len(data) // 2] + data[len(data) // 2 + 411 :]


def zeroed(data: bytes) -> bytes:
    n_bytes = min(9000, len(data) // 3)
    return data[: len(data) // 2] + bytes(n_bytes) + data[len(data) // 2 + n_bytes :]


def ended(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3 // 2048 * 2048 + 101]


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("x.avi", lambda data: data + bytes(4000), []),
        ("x.mkv", lambda data: data + b"TAG" + bytes(125), [False]),
        ("x.ogg", lambda data: data + b"TAG" + bytes(125), [False]),
        ("x.gif", lambda data: data[:-1], [False]),
        ("x.ts", lambda data: data[100:], [False]),  # a recording starts anywhere
        ("x.mp4", lambda data: data + bytes(64), [False]),
    ],
)
def test_what_loses_nothing(tmp_path: Path, name: str, change: Callable[[bytes], bytes], expected: list[bool]) -> None:
    path = write(tmp_path, name)
    path.write_bytes(change(path.read_bytes()))
    assert found(path) == expected


@pytest.mark.parametrize(
    ("data", "is_damaged"),
    [
        (b"\0\0\0\1\x65frame\0\0\3\1\0\0\0\0\1\x41frame" + bytes(9), False),  # padding before a start code
        (b"\0\0\0\1\x65frame" + bytes(40) + b"\xabme\0\0\0\1\x41frame", True),
        (b"RIFF\0\0\0\0AVX LIST\0\0\1\x65frame", True),
    ],
)
def test_zeros_in_a_bare_stream(data: bytes, is_damaged: bool) -> None:
    assert bool(list(CHECKS["h264"](io.BytesIO(data), len(data)))) == is_damaged


def test_a_file_is_walked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is, or as a member of a tar; a changed one is walked again, and so is one in memory."""
    path, walked = write(tmp_path, "x.flv"), []
    monkeypatch.setitem(CHECKS, "flv", lambda file, size: (walked.append(size), iter(()))[1])
    size = path.stat().st_size
    for source in (path, str(path), FileRange(str(path), 0, size, "x"), BytesFile(path.read_bytes(), "x")):
        for _ in range(2):
            findings(source, size, "flv")
    assert len(walked) == 5
    os.utime(path, (0, 0))
    findings(path, size, "flv")
    assert len(walked) == 6


def test_joined_files(tmp_path: Path) -> None:
    for name in ("x.mp4", "x.flv"):
        path = write(tmp_path, name)
        assert found(join(tmp_path / f"two_{name}", path, path)) == [False]


class Failing(io.BytesIO):
    """A file on a disk that fails."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_an_error_of_the_disk_is_no_damage(tmp_path, monkeypatch, suffix):
    path = write_clip(tmp_path / f"clip{suffix}", moving_frames(3))
    monkeypatch.setattr(structure, "open_here", lambda _: Failing(b"x"))
    extractor = TinyExtractor(SimpleNamespace(extraction_fps=None), {}, torch.device("cpu"))
    tasks = iter([Task(VideoRef("clip", "clip", str(path)), ("tiny",))])
    last = list(Decoders({"tiny": extractor}, lambda: next(tasks, None), 1).events(5))[-1]
    assert isinstance(last, StreamFailed) and last.status == "failed"
    assert last.reason.startswith(f"{path}: cannot be read (Input/output error). Check the disk")
