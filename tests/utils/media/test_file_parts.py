import io
import re

from utils.media.file_parts import early_end, is_blank, next_mark, read_at


def test_a_mark_is_found_where_two_blocks_meet():
    mark = re.compile(b"moov")
    for start in (5, (1 << 16) - 2, 1 << 16):
        assert next_mark(io.BytesIO(bytes(start) + b"moov" + bytes(9)), 0, mark) == start
    assert next_mark(io.BytesIO(b"moov" + bytes(9)), 0, mark) is None  # only after the given place


def test_bytes_at_a_place():
    file = io.BytesIO(b"\0\0\0ab")
    assert read_at(file, 3, 10) == b"ab"
    assert is_blank(file, 0, 3) and not is_blank(file, 0, 4)
    assert early_end("index", 12) == (True, "the file ends 12 bytes before the end of its index")
