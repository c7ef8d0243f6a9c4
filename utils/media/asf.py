"""Whether all packets of an ASF file (WMV, WMA) are there."""

import itertools
from typing import BinaryIO

from utils.media.file_parts import Finding, Findings, early_end, read_at

FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
DATA_HEAD_BYTES = 50
ERROR_CORRECTED = 0x82  # the first byte of a packet, as writers make it; no packet without this part begins so
AT_ONCE = 1 << 20  # bytes, about


def walk_asf(file: BinaryIO, size: int) -> Findings:
    """Look at the first byte of each packet: all are equally long (ASF specification, sections 3.2 and 5.2)."""
    start = int.from_bytes(read_at(file, 16, 8), "little")  # of the data
    is_live, packet_bytes = _properties(file, start)
    head = read_at(file, start, DATA_HEAD_BYTES)
    if not packet_bytes or head[:16] != DATA:
        return
    n_bytes = int.from_bytes(head[16:24], "little")
    end = size if is_live or not n_bytes else start + n_bytes
    if end > size:
        yield early_end("last packet", end - size)
    n_right = n_wrong = 0
    at_once = packet_bytes * max(1, AT_ONCE // packet_bytes)
    for first, stop in itertools.pairwise([*range(start + DATA_HEAD_BYTES, min(end, size), at_once), min(end, size)]):
        marks = read_at(file, first, stop - first)[::packet_bytes]
        n_right += marks.count(ERROR_CORRECTED)
        n_wrong += len(marks) - marks.count(ERROR_CORRECTED)
    if n_right and n_wrong:
        yield Finding(True, f"{n_wrong} packets of ASF are damaged")


def _properties(file: BinaryIO, end: int) -> tuple[bool, int]:
    """Return whether the file is a stream without a known length, and the bytes of a packet; 0 where they differ."""
    offset = 30
    while offset + 24 <= end:
        head = read_at(file, offset, 100)
        length = int.from_bytes(head[16:24], "little")
        if head[:16] == FILE_PROPERTIES:
            shortest, longest = head[92:96], head[96:100]
            return bool(head[88] & 1), int.from_bytes(shortest, "little") if shortest == longest else 0
        if length < 24:
            break
        offset += length
    return False, 0
