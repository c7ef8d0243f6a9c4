"""The chunks of AVI files, whole and damaged."""

import io
import struct
from pathlib import Path

import pytest
from support.media import moving_frames, remux, write_clip

from utils.media.avi import walk_avi


def chunk(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack("<4sI", name, len(content)) + content + b"\xee" * (len(content) % 2)


def avi(n_declared: int, *chunks: bytes) -> bytes:
    header = chunk(b"strh", b"vids" + bytes(28) + struct.pack("<II", n_declared, 0) + bytes(16))
    films = b"LIST" + struct.pack("<I", 4) + b"movi" + b"".join(chunks)
    content = b"AVI " + header + films
    return struct.pack("<4sI", b"RIFF", len(content)) + content


def amv(*chunks: bytes) -> bytes:
    """Return a video of a music player: lengths are 0, and nothing is padded."""
    return b"RIFF" + bytes(4) + b"AMV LIST" + bytes(4) + b"movi" + b"".join(chunks)


AMV_FRAME = b"00dc" + struct.pack("<I", 3) + b"abc"
FRAMES = [chunk(b"00dc", b"abc"), chunk(b"01wb", b"sound"), chunk(b"00dc")]  # the last one was dropped on purpose
INDEX = chunk(b"idx1", b"00dc" + bytes(12) + b"01wb" + bytes(12))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (avi(2, *FRAMES, INDEX), []),
        (avi(3, *FRAMES), ["2 of 3 frames are in the file"]),
        (avi(0, *FRAMES), []),  # not said
        (avi(2, *FRAMES, chunk(b"idx1", bytes(16))), ["its index is damaged"]),
        (avi(2, FRAMES[0], b"\xff" * 20, *FRAMES[1:]), ["chunks of AVI are damaged in 1 place"]),
        (avi(2, FRAMES[0], bytes(20), *FRAMES[1:]), []),
        (avi(2, *FRAMES)[:-12], ["the file ends 12 bytes before the end of its film", "1 of 2 frames are in the file"]),
        (amv(AMV_FRAME, AMV_FRAME, b"AMV_END_"), []),
        (amv(AMV_FRAME, b"00dd" + AMV_FRAME[4:], AMV_FRAME, b"AMV_END_"), ["chunks of AVI are damaged in 1 place"]),
        (amv(AMV_FRAME, AMV_FRAME), ["the film has no end mark"]),
    ],
)
def test_chunks(data: bytes, expected: list[str]) -> None:
    assert [finding.problem for finding in walk_avi(io.BytesIO(data), len(data))] == expected


def test_dropped_frames_of_avi_are_no_loss(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.avi", moving_frames(40), codec="mpeg4")
    dropped = remux(path, tmp_path / "dropped.avi", keep=lambda packet, number: number not in (7, 8, 20))
    with dropped.open("rb") as file:
        assert list(walk_avi(file, dropped.stat().st_size)) == []
