"""Frames that are too large are refused by their size, before memory is allocated for them."""

import struct
from pathlib import Path

import pytest
from support.media import moving_frames, write_clip

from utils.errors import VideoError
from utils.media.frame_times import frame_times_s
from utils.media.input import BytesFile
from utils.media.limits import Limits
from utils.media.probe import probe
from utils.media.video import VideoStream


def huge_gif() -> bytes:
    """Return a GIF of one frame of 60000 x 60000 pixels."""
    size = struct.pack("<HH", 60000, 60000)
    screen = b"GIF89a" + size + b"\x80\0\0" + bytes(6)
    return screen + b"," + bytes(4) + size + b"\0" + b"\x02\x16" + bytes(range(22)) + b"\0;"


@pytest.mark.parametrize(
    ("name", "codec"), [("x.mp4", "libx264"), ("x.avi", "mpeg4"), ("x.webm", "libvpx-vp9"), ("x.ts", "mpeg2video")]
)
def test_frames_too_large_by_the_header(tmp_path: Path, name: str, codec: str) -> None:
    message = "its frames have 64x48 = 3,072 pixels, more than the 3,071 of --max_pixels. Raise --max_pixels"
    path = write_clip(tmp_path / name, moving_frames(3), codec=codec)
    for act in (VideoStream, frame_times_s, probe):
        with pytest.raises(VideoError, match=message):
            act(path, limits=Limits(max_pixels=3071))
    with VideoStream(path, limits=Limits(max_pixels=3072)) as stream:
        assert sum(len(chunk.index) for chunk in stream) == 3


def test_a_huge_frame_in_a_few_bytes() -> None:
    with pytest.raises(VideoError, match=r"60000x60000 = 3,600,000,000 pixels, more than the 67,108,864"):
        VideoStream(BytesFile(huge_gif(), "huge.gif"))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("codec", ["mpeg2video", "libx264"])
@pytest.mark.parametrize("size", [(96, 128), (288, 320)], ids=["decoded", "refused by the decoder"])
def test_a_later_frame_too_large(tmp_path: Path, codec: str, threads: int, size: tuple[int, int]) -> None:
    first = write_clip(tmp_path / "a.ts", moving_frames(10, 48, 64), codec=codec)
    second = write_clip(tmp_path / "b.ts", moving_frames(10, *size), codec=codec)
    path = tmp_path / "both.ts"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    message = f"{size[1]}x{size[0]} = {size[0] * size[1]:,} pixels, more than the 5,000 of --max_pixels"
    with VideoStream(path, threads=threads, limits=Limits(max_pixels=5000)) as stream:
        chunks = iter(stream)
        with pytest.raises(VideoError, match=message):
            list(chunks)
