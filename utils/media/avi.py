"""Whether the structure of an AVI file is whole."""

import re
from collections import Counter
from typing import BinaryIO

from utils.config.words import counted
from utils.media.file_parts import Finding, Findings, early_end, is_blank, next_mark, read_at
from utils.media.header import OPEN_LENGTHS

SLOPPY_BYTES = 8  # sizes of RIFF files are wrong by so much, often
NAME = re.compile(rb"[0-9A-Za-z_ ]{4}")  # of a chunk
AMV, AMV_END = b"AMV ", b"AMV_END_"  # videos of music players: no length of the whole, no padding, but an end mark
AMV_CHUNKS = (b"amvh", b"strh", b"strf", b"00dc", b"01wb")
FAMILIAR = re.compile(rb"\d\d(?:dc|db|wb)|LIST|RIFF|idx1")  # names to go on from after damage
NO_FRAMES = (b"wb", b"tx", b"pc", b"sb", b"ix")  # chunks of sound, text, palettes, subtitles, an index


def walk_avi(file: BinaryIO, size: int) -> Findings:
    """Walk the chunks of an AVI file, and compare the number of frames with that in its header.

    Empty chunks count: they stand for frames that were dropped on purpose.
    """
    offset, is_cut, n_lost = 0, False, 0
    is_amv = read_at(file, 8, 4) == AMV
    declared: list[int | None] = []  # frames of each stream; None for sound
    found: Counter[int] = Counter()  # frames by stream
    while offset + 8 <= size:
        head = read_at(file, offset, 44)
        name, length = head[:4], int.from_bytes(head[4:8], "little")
        if is_amv and head[:8] == AMV_END:
            break
        if name in (b"RIFF", b"LIST"):
            if name == b"RIFF" and length and offset + 8 + length > size + SLOPPY_BYTES:
                is_cut = True
                yield early_end("film", offset + 8 + length - size)
            offset += 12
        elif not NAME.match(name) or (is_amv and name not in AMV_CHUNKS) or offset + 8 + length > size + SLOPPY_BYTES:
            following = next_mark(file, offset, FAMILIAR)
            n_lost += not (is_blank(file, offset, following or size) or (is_cut and following is None))
            offset = following or size
        else:
            if name == b"strh":
                declared.append(int.from_bytes(head[40:44], "little") if head[8:12] == b"vids" else None)
            elif name == b"idx1" and not _is_index(read_at(file, offset + 8, length)):
                yield Finding(True, "its index is damaged")
            elif name[:2].isdigit() and name[2:] not in NO_FRAMES:
                found[int(name[:2])] += 1
            offset += 8 + length + (0 if is_amv else length % 2)
    if is_amv and offset + len(AMV_END) > size:
        yield Finding(True, "the film has no end mark")
    if n_lost:
        yield Finding(True, f"chunks of AVI are damaged in {counted(n_lost, 'place')}")
    for stream, n_declared in enumerate(declared):
        if n_declared and n_declared not in OPEN_LENGTHS and found[stream] < n_declared:
            yield Finding(True, f"{found[stream]} of {n_declared} frames are in the file")


def _is_index(entries: bytes) -> bool:
    """Return whether all entries of an index, 16 bytes each, begin with the name of a chunk."""
    return all(NAME.match(entries, start) for start in range(0, len(entries) - 15, 16))


def empty_chunks(file: BinaryIO, size: int, stream: int) -> int:
    """Return how many chunks of sound without content an AVI file has, which stand for sound that starts later.

    FFmpeg writes them, counts them in the header, and leaves them out when it reads. stream: its number in the file.
    """
    offset, n_empty, wanted = 0, 0, b"%02dwb" % stream
    while len(head := read_at(file, offset, 8)) == 8:
        name, length = head[:4], int.from_bytes(head[4:], "little")
        n_empty += name == wanted and not length
        offset += 12 if name in (b"RIFF", b"LIST") else 8 + length + length % 2
    return n_empty
