"""Whether a container's own structure is whole, and what comes after the part of a file that a demuxer reads.

Damage to the structure makes a demuxer skip to the next part that it knows, without a word. Only the headers of parts
are read here, of files on this machine.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np

from utils.media.input import MediaSource, is_seekable, open_here

MP4_BOXES = 5000  # looked at, at most: a recording may have a million fragments
SLOPPY_BYTES = 8  # sizes of RIFF files are wrong by so much, often
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
TS_BYTES = {188: 0, 192: 4, 204: 0}  # size of a packet → where its sync byte is
PS_SEARCH = 1 << 16
TS_SYNC = 0x47
TS_AT_ONCE = 1 << 15  # packets

Found = Iterator[tuple[bool, str]]  # whether something of the stream is lost, and what is the matter


def findings(source: MediaSource, size: int, format_name: str) -> list[tuple[bool, str]]:
    """Return what is the matter with a file: (whether something of it is lost, a clause).

    size: of the file in bytes. format_name: FFmpeg's name of the demuxer that reads it.
    """
    check = CHECKS.get(format_name)
    file = open_here(source) if check else None
    if check is None or file is None:
        return []
    with file:
        return list(check(file, size)) if is_seekable(file) else []


def _at(file: BinaryIO, offset: int, n: int) -> bytes:
    file.seek(offset)
    return file.read(n)


def _early_end(what: str, missing: int) -> tuple[bool, str]:
    return True, f"the file ends {missing} bytes before the end of its {what}"


def _mp4(file: BinaryIO, size: int) -> Found:
    """Walk the boxes of an MP4 file (ISO/IEC 14496-12, section 4.2)."""
    offset, n_films = 0, 0
    for _ in range(MP4_BOXES):
        head = _at(file, offset, 16)
        if len(head) < 8:
            break
        length, name = struct.unpack_from(">I4s", head)
        if length == 1:
            length = int.from_bytes(head[8:16])
        if not name.isalnum() and not name.strip(b" ").isalnum():
            yield False, f"{size - offset} bytes after the end of the film are not read"
            break
        n_films += name == b"moov"
        if name == b"moov" and n_films == 2:
            yield False, f"a second film begins at byte {offset} (joined files?): its frames are not listed"
        if length == 0:
            break
        if offset + length > size:
            yield _early_end(f"{name.decode('ascii', 'replace')} box", offset + length - size)
            break
        offset += max(8, length)


def _matroska(file: BinaryIO, size: int) -> Found:
    """Compare the size of the segment of a Matroska file with the file's (RFC 8794)."""
    offset, head = 0, _at(file, 0, 4096)
    while offset + 12 < len(head):
        id_length = 9 - head[offset].bit_length()
        at = offset + id_length
        length = 9 - head[at].bit_length()
        content = int.from_bytes(head[at : at + length]) - (1 << 7 * length)
        if head[offset : offset + 4] == b"\x18\x53\x80\x67":
            is_known = content != (1 << 7 * length) - 1
            missing = at + length + content - size
            if is_known and missing > 0:
                yield _early_end("segment", missing)
            return
        offset = at + length + content


def _flv(file: BinaryIO, size: int) -> Found:
    """Walk the tags of an FLV file, each followed by its length."""
    offset = int.from_bytes(_at(file, 5, 4)) + 4
    while offset + 11 <= size:
        head = _at(file, offset, 11)
        length = 11 + int.from_bytes(head[1:4])
        if head[:3] == b"FLV":
            yield False, f"a second recording begins at byte {offset} (joined files?): it is not read"
            return
        if head[0] & 0x1F not in (8, 9, 15, 18) or (offset + length + 4 <= size and not _follows(file, offset, length)):
            yield True, f"the file is damaged at byte {offset}"
            return
        offset += length + 4
    if offset > size:
        yield _early_end("last packet", offset - size)


def _follows(file: BinaryIO, offset: int, length: int) -> bool:
    return int.from_bytes(_at(file, offset + length, 4)) in (
        length,
        length - 11,
        0,
    )  # some writers count the data alone


def _ogg(file: BinaryIO, size: int) -> Found:
    """Walk the pages of an Ogg file, which are numbered in each stream (RFC 3533, section 6)."""
    offset, n_missing, n_lost = 0, 0, 0
    following: dict[bytes, int] = {}  # number of each open stream's next page
    while offset + 27 <= size:
        head = _at(file, offset, 282)
        length = 27 + head[26] + sum(head[27 : 27 + head[26]])
        if head[:4] != b"OggS" or not _is_intact(_at(file, offset, length)):
            n_lost += 1
            offset = _next(file, offset, b"OggS") or size
            continue
        serial, number = head[14:18], int.from_bytes(head[18:22], "little")
        n_missing += number != following.get(serial, number)
        following[serial] = number + 1
        if head[5] & 4:
            del following[serial]
        offset += length
    if n_missing or n_lost:
        yield True, f"pages of Ogg are missing or damaged in {max(n_missing, n_lost)} places"
    if following:
        yield False, "the file ends without the last page of its stream"


def _is_intact(page: bytes) -> bool:
    """Return whether the checksum of a page is right: a CRC like zlib's, but with the bits in the other order."""
    page_without = page[:22] + bytes(4) + page[26:]
    found = zlib.crc32(page_without.translate(REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{found:032b}"[::-1], 2) == int.from_bytes(page[22:26], "little")


def _next(file: BinaryIO, offset: int, mark: bytes) -> int | None:
    """Return where a mark comes next after a place in the file."""
    file.seek(offset + 1)
    position, tail = offset + 1, b""
    while data := file.read(1 << 16):
        found = (tail + data).find(mark)
        if found >= 0:
            return position - len(tail) + found
        position, tail = position + len(data), data[-3:]
    return None


def _avi(file: BinaryIO, size: int) -> Found:
    """Walk the RIFF lists of an AVI file."""
    offset = 0
    while offset + 12 <= size:
        head = _at(file, offset, 12)
        length = 8 + int.from_bytes(head[4:8], "little")
        if head[:4] != b"RIFF":
            if size - offset > SLOPPY_BYTES:
                yield False, f"{size - offset} bytes after the end of the film are not read"
            return
        if length > 8 and offset + length > size + SLOPPY_BYTES:
            yield _early_end("film", offset + length - size)
        offset += length + length % 2 if length > 8 else size


def _program_stream(file: BinaryIO, size: int) -> Found:
    """Walk the packs and packets of an MPEG-PS file (ISO/IEC 13818-1, section 2.5)."""
    offset, n_lost = 0, 0
    while offset + 4 <= size:
        head = _at(file, offset, 14)
        length = _ps_length(head)
        if length is None:
            found = _next(file, offset, b"\0\0\1\xba") or size
            n_lost += any(_at(file, offset, min(found - offset, PS_SEARCH)))  # zeros are stuffing
            offset = found
        else:
            offset += length
    if n_lost:
        yield True, f"packets of MPEG-PS are damaged in {n_lost} places"
    if offset > size:
        yield _early_end("last packet", offset - size)


def _ps_length(head: bytes) -> int | None:
    """Return the length of the part of an MPEG-PS file that begins so; None for what is no part."""
    if head[:3] != b"\0\0\1" or len(head) < 4 or head[3] < 0xB9:
        return None
    if head[3] == 0xB9:  # the end, though more may follow
        return 4
    if head[3] == 0xBA:
        return 14 + (head[13] & 7) if len(head) == 14 and head[4] >> 6 == 1 else 12
    return 6 + int.from_bytes(head[4:6])


def _transport_stream(file: BinaryIO, size: int) -> Found:
    """Look at the sync byte of each packet of an MPEG-TS file."""
    head = _at(file, 0, 5 * max(TS_BYTES))
    for length, sync in TS_BYTES.items():
        if all(head[at] == TS_SYNC for at in range(sync, len(head), length)) and len(head) > length:
            break
    else:
        yield True, "the file does not begin with a packet of MPEG-TS"
        return
    file.seek(0)
    n_wrong = 0
    while data := file.read(length * TS_AT_ONCE):
        n_wrong += int(np.count_nonzero(np.frombuffer(data, np.uint8)[sync::length] != TS_SYNC))
    if n_wrong:
        yield True, f"{n_wrong} packets of MPEG-TS are damaged"
    if size % length:
        yield True, "the file ends within a packet of MPEG-TS"


CHECKS: dict[str, Callable[[BinaryIO, int], Found]] = {
    "mov,mp4,m4a,3gp,3g2,mj2": _mp4,
    "matroska,webm": _matroska,
    "flv": _flv,
    "ogg": _ogg,
    "avi": _avi,
    "mpeg": _program_stream,
    "mpegts": _transport_stream,
}
