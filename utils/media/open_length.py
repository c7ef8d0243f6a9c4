"""Sound files that a pipe wrote: their headers came before the length was known, and hold a placeholder for it."""

from typing import Literal

from utils.media.reader import Reader

SEARCHED_BYTES = 1 << 16  # of a file: chunks before the samples are small
UNKNOWN_64 = 2**64 - 1
AIFF_OF_SOX = 0x7F000000  # bytes of sound that it writes for "not known yet"
ByteOrder = Literal["little", "big"]


def has_open_length(reader: Reader) -> bool:
    """Return whether a WAV, CAF, AIFF or AU file does not say how long it is.

    The reader is at its start before and after.
    """
    head = reader.read(12)
    form = head[:4]
    if form in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        found = _wav_is_open(head + reader.read(SEARCHED_BYTES), "big" if form == b"RIFX" else "little")
    elif form == b".snd":
        found = is_placeholder(int.from_bytes(head[8:12], "big"))
    elif form == b"FORM":
        found = AIFF_OF_SOX <= int.from_bytes(head[4:8], "big") < AIFF_OF_SOX + SEARCHED_BYTES
    else:
        found = form == b"caff" and _caf_is_open(head + reader.read(SEARCHED_BYTES))
    reader.seek(0)
    return found


def _wav_is_open(head: bytes, order: ByteOrder) -> bool:
    size_64, start = None, 12
    while start + 8 <= len(head):
        name, size = head[start : start + 4], int.from_bytes(head[start + 4 : start + 8], order)
        if name == b"ds64":
            size_64 = int.from_bytes(head[start + 16 : start + 24], order)
        if name == b"data":
            return is_placeholder(size) if size_64 is None else size_64 in (0, UNKNOWN_64)
        start += 8 + size + size % 2
    return False


def is_placeholder(size: int) -> bool:
    """Return whether a 32-bit size is what programs write for "not known yet".

    0 and FFFFFFFF (FFmpeg, GStreamer), 7FFFF000 (SoX), 80000000 (arecord), some less what the headers take.
    """
    return size == 0 or 0x7FFFF000 <= size <= 0x80000040 or size >= 0xFFFFF000


def _caf_is_open(head: bytes) -> bool:
    start = 8
    while start + 12 <= len(head):
        size = int.from_bytes(head[start + 4 : start + 12], "big", signed=True)
        if head[start : start + 4] == b"data":
            return size == -1
        if size < 0:
            return False
        start += 12 + size
    return False
