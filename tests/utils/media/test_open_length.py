"""Which sound files leave open how long they are."""

import io

import pytest
from support import formats

from utils.media.open_length import has_open_length
from utils.media.reader import Reader


@pytest.mark.parametrize(
    ("data", "is_open"),
    [
        (formats.wav(), False),
        (formats.wav(0, 0), True),
        (formats.wav(0xFFFFFFFF, 0xFFFFFFFF), True),
        (formats.wav(None, 0xFFFFFFFF - 36), True),
        (formats.wav(0x7FFFF024, 0x7FFFF000), True),
        (formats.wav(0x80000024, 0x80000000), True),
        (formats.wav(0x70000000, 0x70000000), False),  # cut off: it had 1.8 GB
        (formats.wav(0xC0000000, 0xC0000000), False),
        (formats.wav(0xFFFFFFFF, 0xFFFFFFFF, b"RF64"), True),
        (formats.caf_of_a_pipe(), True),
        (formats.caf_of_a_pipe().replace(b"\xff" * 8, (32004).to_bytes(8, "big")), False),
        (formats.aiff(), False),
        (formats.aiff(0x7F000000), True),
        (formats.au(), False),
        (formats.au(0x7FFFF000), True),
        (formats.nist_sphere(), False),
        (b"RIFF", False),
        (b"RIFF\0\0\0\0WAVE" + b"\0" * 40, False),
        (b"caff" + b"\xff" * 40, False),
    ],
)
def test_placeholders(data: bytes, is_open: bool) -> None:
    reader = Reader(io.BytesIO(data), "media.wav", is_local=True)
    assert has_open_length(reader) is is_open
    assert reader.tell() == 0
