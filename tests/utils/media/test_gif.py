"""The blocks of GIF files, whole and damaged."""

import io

import pytest

from utils.media.gif import walk_gif

HEAD = b"GIF89a" + bytes(4) + b"\x80\0\0" + bytes(6)  # with a table of two colours
EXTENSION = b"\x21\xf9" + b"\x03abc" + b"\0"
IMAGE = b"\x2c" + bytes(8) + b"\x81" + bytes(12) + b"\x02" + b"\x02ab" + b"\x01c" + b"\0"  # with four colours


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (HEAD + EXTENSION + IMAGE + b"\0" + IMAGE + b"\x3b" + b"trailing", []),
        (HEAD + IMAGE, [(False, "the file has no end mark")]),
        (HEAD + IMAGE[:-3], [(True, "the file ends 1 bytes before the end of its last block")]),
        (HEAD + EXTENSION + b"\x99" + IMAGE, [(True, "the file is damaged at byte 26")]),
    ],
)
def test_blocks(data: bytes, expected: list[tuple[bool, str]]) -> None:
    assert list(walk_gif(io.BytesIO(data), len(data))) == expected
