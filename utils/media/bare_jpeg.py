"""Bare streams of JPEG pictures (`.mjpeg`), which FFmpeg takes for one picture where the first is larger than 2 kB."""

from utils.media.reader import Reader

JPEG_START = b"\xff\xd8\xff"
JPEG_END = b"\xff\xd9"
SCAN_MARK, SIZE_MARKS = 0xDA, (0xC0, 0xC1, 0xC2)
MOST_BYTES = 1 << 24  # that are read to find the end of the first picture
SEVERAL_PICTURES = b"MPF\0"  # a photo with its preview, a second view or a gain map (CIPA DC-007)


def is_stream_of_jpegs(reader: Reader) -> bool:
    """Return whether one JPEG is followed by another of the same size. The reader is at its start before and after."""
    head = reader.read(len(JPEG_START))
    data = head + reader.read(MOST_BYTES) if head == JPEG_START else b""
    reader.seek(0)
    size, end = _size_and_end(data)
    return bool(size) and size == _size_and_end(data[end:].lstrip(b"\0\r\n"))[0]


def _size_and_end(data: bytes) -> tuple[bytes, int]:
    """Return height and width, as stored, of the JPEG that data begins with, and where it ends; empty and 0 for none.

    ITU-T T.81, annex B: segments with their lengths, then coded data, in which the end mark cannot occur.
    """
    size, offset = b"", 2
    while data.startswith(JPEG_START) and offset + 4 <= len(data) and data[offset] == 0xFF:
        mark, length = data[offset + 1], int.from_bytes(data[offset + 2 : offset + 4])
        if data[offset + 4 : offset + 8] == SEVERAL_PICTURES:
            break
        if mark in SIZE_MARKS:
            size = data[offset + 5 : offset + 9]
        if mark == SCAN_MARK:
            end = data.find(JPEG_END, offset)
            return (size, end + len(JPEG_END)) if end >= 0 else (size, len(data))
        offset += 2 + length
    return b"", 0
