"""Whether the structure of a GIF file is whole."""

from typing import BinaryIO

from utils.media.file_parts import Finding, Findings, early_end, read_at

EXTENSION, IMAGE, END = 0x21, 0x2C, 0x3B


def walk_gif(file: BinaryIO, size: int) -> Findings:
    """Walk the blocks of a GIF file (GIF89a, appendix A)."""
    head = read_at(file, 0, 13)
    offset = 13 + _table_bytes(head[10:11])
    while offset < size:
        block = read_at(file, offset, 10)
        if block[0] == END:
            return
        if block[0] == EXTENSION:
            offset = _after_data(file, offset + 2)
        elif block[0] == IMAGE:
            offset = _after_data(file, offset + 11 + _table_bytes(block[9:10]))
        elif block[0] == 0:  # of some writers, between blocks
            offset += 1
        else:
            yield Finding(True, f"the file is damaged at byte {offset}")
            return
    if offset > size:
        yield early_end("last block", offset - size)
    else:
        yield Finding(False, "the file has no end mark")


def _table_bytes(flags: bytes) -> int:
    """Return the bytes of a table of colours by the flags that say whether there is one."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _after_data(file: BinaryIO, offset: int) -> int:
    """Return where data end that come in blocks, each after its length, 0 at the end."""
    while length := int.from_bytes(read_at(file, offset, 1)):
        offset += 1 + length
    return offset + 1
