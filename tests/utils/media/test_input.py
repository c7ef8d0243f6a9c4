"""Media that is not a local file: memory, ranges of files, addresses. Errors on the way are reported, never lost."""

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import fsspec
import numpy as np
import pytest
from support.media import moving_frames, waveform, write_clip
from support.sources import http_server

from utils.errors import VideoError
from utils.media.audio import AudioStream
from utils.media.container import open_media
from utils.media.frame_times import frame_times_s
from utils.media.input import BytesFile, FileRange, MediaSource, UrlFile
from utils.media.probe import probe
from utils.media.video import VideoStream


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "x.mp4"
    return write_clip(path, moving_frames(50), audio=waveform(0, 2.0, 16000), audio_rate=16000)


def pixels(source: MediaSource, **options: Any) -> np.ndarray:
    with VideoStream(source, **options) as stream:
        return np.concatenate([chunk.pixels for chunk in stream])


def same_as_file(source: MediaSource, path: Path) -> None:
    np.testing.assert_array_equal(pixels(source), pixels(path))
    np.testing.assert_array_equal(frame_times_s(source), frame_times_s(path))
    assert probe(source) == probe(path)
    with AudioStream(source, 16000) as ours, AudioStream(path, 16000) as theirs:
        np.testing.assert_array_equal(np.concatenate(list(ours)), np.concatenate(list(theirs)))


@pytest.mark.parametrize("name", ["x.mp4", "x.mkv", "x.avi", "x.ts"])
def test_memory_and_ranges_of_files(tmp_path: Path, name: str) -> None:
    codec = "mpeg4" if name == "x.avi" else "libx264"
    path = write_clip(tmp_path / name, moving_frames(20), codec=codec, audio=waveform(0, 0.8, 16000), audio_rate=16000)
    data = path.read_bytes()
    same_as_file(BytesFile(data, f"memory: {name}"), path)
    around = tmp_path / "a.tar"
    around.write_bytes(b"before" + data + b"after" * 600)
    same_as_file(FileRange(str(around), 6, len(data), f"a.tar: {name}"), path)


def test_address_of_a_file_system(clip: Path) -> None:
    fsspec.filesystem("memory").pipe("/media/x.mp4", clip.read_bytes())
    same_as_file(UrlFile("memory://media/x.mp4", "memory://media/x.mp4"), clip)
    same_as_file(UrlFile(f"file://{clip}", "x.mp4"), clip)


@pytest.mark.parametrize("parts", [True, False], ids=["parts", "whole files only"])
def test_web_server(clip: Path, parts: bool) -> None:
    with http_server(clip.parent, ranges=parts) as address:
        same_as_file(UrlFile(f"{address}/x.mp4", "x.mp4"), clip)
        source = FileRange(f"{address}/x.mp4", 0, clip.stat().st_size, "x.mp4")
        np.testing.assert_array_equal(pixels(source), pixels(clip))
        with pytest.raises(VideoError, match="no such file"):
            VideoStream(UrlFile(f"{address}/absent.mp4?sig=secret", f"{address}/absent.mp4?sig=secret"))
    with pytest.raises(VideoError, match=r"cannot be read .*Check the address and the connection") as caught:
        VideoStream(UrlFile(f"{address}/x.mp4?sig=secret", f"{address}/x.mp4?sig=secret"))
    assert "secret" not in str(caught.value)


class Odd(io.BytesIO):
    """A stream with a fault."""

    def __init__(self, data: bytes, read: Callable[["Odd", int], bytes] | None = None, *, seeks: bool = True) -> None:
        super().__init__(data)
        self._read, self._seeks = read, seeks

    def read(self, size: int | None = -1, /) -> bytes:
        return self._read(self, -1 if size is None else size) if self._read else super().read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        if not self._seeks:
            raise ValueError("Cannot seek streaming HTTP file")
        return super().seek(offset, whence)


class OddFile:
    """A source that opens what a function returns."""

    def __init__(self, opened: Callable[[], BinaryIO]) -> None:
        self.opened: list[BinaryIO] = []
        self._open = opened

    def __str__(self) -> str:
        return "s3://user:password@bucket/x.mp4?X-Amz-Signature=abc"

    def open(self) -> BinaryIO:
        self.opened.append(self._open())
        return self.opened[-1]


def test_stream_that_cannot_seek_is_copied(clip: Path) -> None:
    source = OddFile(lambda: Odd(clip.read_bytes(), seeks=False))
    np.testing.assert_array_equal(pixels(source), pixels(clip))
    assert all(stream.closed for stream in source.opened)


def test_stream_is_closed_with_the_container(clip: Path) -> None:
    for data, match in ((clip.read_bytes(), None), (bytes(5000), "not a known video"), (b"", "empty")):
        source = OddFile(lambda data=data: Odd(data))
        if match is None:
            open_media(source).close()
        else:
            with pytest.raises(VideoError, match=match):
                open_media(source)
        assert [stream.closed for stream in source.opened] == [True]


@pytest.mark.parametrize("kind", [OSError, RuntimeError, TimeoutError, PermissionError])
def test_errors_on_opening(kind: type[Exception]) -> None:
    def fail() -> BinaryIO:
        raise kind("at https://user:password@host/x?token=abc\nsecond line")

    for act in (VideoStream, probe, frame_times_s, partial(AudioStream, rate_hz=16000)):
        with pytest.raises(VideoError) as caught:
            act(OddFile(fail))
        message = str(caught.value)
        assert message.startswith("s3://bucket/x.mp4?X-Amz-Signature=…: ")
        assert not any(secret in message for secret in ("password", "abc", "\n"))


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("utils.media.resumed.PAUSES_S", (0.0, 0.0, 0.0))


def _failing_after(n_bytes: int) -> Callable[[Odd, int], bytes]:
    def read(stream: Odd, size: int) -> bytes:
        if stream.tell() + size > n_bytes and stream.tell() < len(stream.getbuffer()) - 5000:
            raise RuntimeError("connection lost")
        return io.BytesIO.read(stream, size)

    return read


def test_errors_while_reading_are_not_lost(tmp_path: Path) -> None:
    options = {"audio": waveform(0, 6.0, 44100), "audio_codec": "pcm_s16le"}
    path = write_clip(tmp_path / "x.mkv", moving_frames(150, 96, 128), options={"crf": "1", "g": "5"}, **options)
    data = path.read_bytes()
    assert len(data) > 900_000  # FFmpeg asks for 256 KiB at once

    def broken() -> OddFile:
        return OddFile(lambda: Odd(data, _failing_after(600_000)))

    for act in (lambda: list(VideoStream(broken())), lambda: list(AudioStream(broken(), 16000))):
        with pytest.raises(VideoError, match="RuntimeError: connection lost"):
            act()
    with pytest.raises(VideoError, match="connection lost"):
        frame_times_s(broken())
    with pytest.raises(VideoError, match="connection lost"):
        VideoStream(OddFile(lambda: Odd(data, _failing_after(10))))


def test_stream_that_returns_too_much_is_refused(clip: Path) -> None:
    with pytest.raises(VideoError, match="more bytes than asked for"):
        VideoStream(OddFile(lambda: Odd(clip.read_bytes(), lambda stream, size: bytes(size + 1))))


def test_playlists_in_memory_open_nothing(clip: Path) -> None:
    with pytest.raises(VideoError, match="playlist"):
        VideoStream(BytesFile(f"ffconcat version 1.0\nfile {clip}\n".encode(), "x.mp4"))
