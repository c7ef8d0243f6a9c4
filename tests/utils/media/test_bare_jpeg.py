"""One JPEG, several, and photos that hold more than one."""

import io

import pytest
from support.formats import jpegs

from utils.media.bare_jpeg import is_stream_of_jpegs

ONE, TWO, *_ = jpegs(noise=4)
PREVIEW = b"\xff\xe2\0\x08MPF\0\0\0"  # a segment of a photo with several pictures


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (ONE, False),
        (ONE + TWO, True),
        (ONE + b"\0\0" + TWO, True),
        (ONE + TWO[:-200], True),  # cut off, so that the other check says it
        (ONE[:2] + PREVIEW + ONE[2:] + TWO, False),
        (ONE + b"\0\0\0\x18ftypmp42", False),  # a photo with a film
        (ONE[:-300], False),
        (b"", False),
    ],
)
def test_streams(data: bytes, expected: bool) -> None:
    reader = io.BytesIO(data)
    assert is_stream_of_jpegs(reader) is expected  # type: ignore[arg-type]  # all that it needs
    assert reader.tell() == 0
