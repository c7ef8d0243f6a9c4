"""Whether all packets of an ASF file (WMV, WMA), and all objects (frames) in them, are there."""

import itertools
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from utils.config.words import counted
from utils.media.file_parts import Finding, Findings, Suspicion, early_end, read_at

FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
DATA_HEAD_BYTES = 50
ERROR_CORRECTED = b"\x82\0\0"  # at the start of a packet, as writers make it; FFmpeg skips what begins otherwise
WIDTHS = (0, 1, 2, 4)  # bytes of a number, by the two bits that state it
SEVERAL = 1  # bit of a packet's flags: it has several payloads
DESCRIBED_BYTES = 8  # of a payload: the size of its object and when that is shown
AT_ONCE = 1 << 20  # bytes, about


def walk_asf(file: BinaryIO, size: int) -> Findings:
    """Look at each packet: all are equally long (ASF specification, sections 3.2 and 5.2)."""
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
    objects = _Objects()
    at_once = packet_bytes * max(1, AT_ONCE // packet_bytes)
    for first, stop in itertools.pairwise([*range(start + DATA_HEAD_BYTES, min(end, size), at_once), min(end, size)]):
        data = read_at(file, first, stop - first)
        for at in range(0, len(data), packet_bytes):
            is_right = data.startswith(ERROR_CORRECTED, at)
            n_right += is_right
            n_wrong += not is_right
            if at + packet_bytes <= len(data):
                objects.take(data[at : at + packet_bytes])
    if n_right and n_wrong:
        yield Finding(True, f"{n_wrong} packets of ASF are damaged")
    elif n_right:  # else of a writer that marks none
        yield from objects.findings()


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


class _Payload(NamedTuple):
    """A part of an object. modulus: of its number; size: of the object, None for several whole ones."""

    stream: int
    number: int
    modulus: int
    offset: int
    size: int | None
    length: int
    n_objects: int


class _Objects:
    """Follows the objects of each stream through the packets: they are numbered, and their parts are in order."""

    def __init__(self) -> None:
        self._last: dict[int, _Payload] = {}  # of each stream
        self._n_broken = self._n_skips = 0

    def take(self, packet: bytes) -> None:
        """Take the next packet."""
        try:
            payloads = list(_payloads(packet))
        except (IndexError, ValueError):
            self._n_broken += 1
            return
        for payload in payloads:
            self._follow(payload)
            self._last[payload.stream] = payload

    def _follow(self, payload: _Payload) -> None:
        last = self._last.get(payload.stream)
        if last is None:
            return
        if payload.offset:
            is_next = (payload.number, payload.size) == (last.number, last.size)
            self._n_broken += not is_next or payload.offset != last.offset + last.length
            return
        self._n_broken += not _is_end(last)
        self._n_skips += payload.number != (last.number + last.n_objects) % payload.modulus

    def findings(self) -> Findings:
        """Yield what is the matter, at the end of the file."""
        n_broken = self._n_broken + sum(not _is_end(last) for last in self._last.values())
        if n_broken:
            yield Finding(True, f"packets of ASF are damaged in {counted(n_broken, 'place')}")
        if self._n_skips:
            yield Suspicion(False, f"frames of ASF are missing by their numbers in {counted(self._n_skips, 'place')}")


def _is_end(payload: _Payload) -> bool:
    return payload.size is None or payload.offset + payload.length == payload.size


class _Fields:
    """Reads the numbers at the start of a packet. Raises IndexError past its end."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self.at = at

    def take(self, width: int) -> int:
        """Return the next number, of so many bytes; 0 for none."""
        self.at += width
        if self.at > len(self._data):
            raise IndexError
        return int.from_bytes(self._data[self.at - width : self.at], "little")


def _payloads(packet: bytes) -> Iterator[_Payload]:
    """Yield the payloads of a packet (section 5.2). Raises IndexError, ValueError where it is damaged."""
    fields = _Fields(packet, 1 + (packet[0] & 15))  # after the part for the correction of errors
    flags, widths = fields.take(1), fields.take(1)
    length = fields.take(WIDTHS[flags >> 5 & 3]) or len(packet)
    fields.take(WIDTHS[flags >> 1 & 3])  # its own number, which writers leave out
    end = length - fields.take(WIDTHS[flags >> 3 & 3])  # without padding
    fields.take(6)  # when it is sent, and for how long
    several = fields.take(1) if flags & SEVERAL else 0
    for _ in range(several & 63 if flags & SEVERAL else 1):
        stream = fields.take(1) & 127
        number, offset = fields.take(WIDTHS[widths >> 4 & 3]), fields.take(WIDTHS[widths >> 2 & 3])
        n_described = fields.take(WIDTHS[widths & 3])
        described = fields.at
        fields.take(n_described)
        n_bytes = fields.take(WIDTHS[several >> 6]) if flags & SEVERAL else end - fields.at
        modulus = 256 ** WIDTHS[widths >> 4 & 3]
        if not stream or n_bytes < 0 or fields.at + n_bytes > end or 1 < n_described < DESCRIBED_BYTES:
            raise ValueError
        if n_described == 1:  # each object has its length before it, and all are shown one after the other
            n_objects = _n_objects(packet[fields.at : fields.at + n_bytes])
            yield _Payload(stream, number, modulus, 0, None, n_bytes, n_objects)
        else:
            size = int.from_bytes(packet[described : described + 4], "little") if n_described else None
            yield _Payload(stream, number, modulus, offset, size, n_bytes, 1)
        fields.take(n_bytes)


def _n_objects(data: bytes) -> int:
    """Return how many objects follow each other, each after its length in a byte."""
    n = at = 0
    while at < len(data):
        at += 1 + data[at]
        n += 1
    if at != len(data):
        raise ValueError
    return n
