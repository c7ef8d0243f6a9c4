"""Whether a container's own structure is whole, and what comes after the part of a file that a demuxer reads.

Damage to the structure makes a demuxer silently skip to the next part that it knows. Only the headers of parts
are read here, of files on this machine.
"""

import functools
import itertools
import os
import re
import struct
import zlib
from collections.abc import Callable
from typing import BinaryIO

import numpy as np

from utils.config.words import counted
from utils.media.asf import walk_asf
from utils.media.avi import walk_avi
from utils.media.file_parts import BLANK_BYTES, Finding, Findings, early_end, is_blank, next_mark, read_at
from utils.media.gif import walk_gif
from utils.media.input import MediaSource, is_seekable, local_path, open_here
from utils.media.matroska import walk_matroska
from utils.media.mp4 import walk_mp4
from utils.media.rare_containers import (
    walk_apng,
    walk_dirac,
    walk_gxf,
    walk_mjpeg,
    walk_nut,
    walk_realmedia,
    walk_smjpeg,
    walk_swf,
    walk_y4m,
)
from utils.media.sound_files import walk_adx, walk_caf, walk_sox, walk_voc, walk_w64, walk_wav, walk_wavpack

KEPT_RESULTS = 64  # of files; each has a few clauses
OGG_PAGE = re.compile(rb"OggS")
PS_PACK = re.compile(rb"\x00\x00\x01\xba")
FLV_SIZE = b"\x00\x08filesize\x00"  # name and type of a number in its metadata, AMF 0
FLV_METADATA_BYTES = 1 << 16
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
TS_BYTES = {188: 0, 192: 4, 204: 0}  # size of a packet → where its sync byte is
TS_SYNC = 0x47
NO_START_CODE = re.compile(rb"\x00\x00\x00[\x02-\xff]")
STARTS = re.compile(rb"\x00{2,}\x01")
MOST_COUNTED = 1000  # places
TS_AT_ONCE = 1 << 15  # packets


def findings(source: MediaSource, size: int, format_name: str) -> tuple[Finding, ...]:
    """Return what is the matter with a file on this machine; nothing for a file at an address.

    The last results are kept: a video is read again to count its frames, at another rate, and for its sound.

    size: of the file in bytes. format_name: FFmpeg's name of the demuxer that reads it.
    """
    path = local_path(source)
    if path is None:
        return _walked(source, size, format_name)
    return _walked_once(source, size, format_name, os.stat(path).st_mtime_ns)  # noqa: PTH116 - a str


def _walked(source: MediaSource, size: int, format_name: str) -> tuple[Finding, ...]:
    check = CHECKS.get(format_name)
    file = open_here(source) if check else None
    if check is None or file is None:
        return ()
    with file:
        return tuple(check(file, size)) if is_seekable(file) else ()


@functools.lru_cache(maxsize=KEPT_RESULTS)
def _walked_once(source: MediaSource, size: int, format_name: str, _mtime_ns: int) -> tuple[Finding, ...]:
    return _walked(source, size, format_name)


def _flv(file: BinaryIO, size: int) -> Findings:
    """Walk the tags of an FLV file, each followed by its length."""
    missing = _stated_size(read_at(file, 0, FLV_METADATA_BYTES)) - size
    if missing > 0:
        yield Finding(True, f"the file is {missing:.0f} bytes shorter than its header says")
    offset = int.from_bytes(read_at(file, 5, 4)) + 4
    while offset + 11 <= size:
        head = read_at(file, offset, 11)
        length = 11 + int.from_bytes(head[1:4])
        if head[:3] == b"FLV":
            yield Finding(False, f"a second recording begins at byte {offset} (joined files?): it is not read")
            return
        if head[0] & 0x1F not in (8, 9, 15, 18) or (offset + length + 4 <= size and not _follows(file, offset, length)):
            yield Finding(True, f"the file is damaged at byte {offset}")
            return
        offset += length + 4
    if offset != size:
        yield Finding(True, "the file ends within a packet")


def _stated_size(head: bytes) -> float:
    """Return the size of an FLV file in bytes as its metadata state it; 0 where they do not."""
    number = head.partition(FLV_SIZE)[2][:8]
    return struct.unpack(">d", number)[0] if len(number) == 8 else 0.0


def _follows(file: BinaryIO, offset: int, length: int) -> bool:
    """Return whether a tag's length comes after it; some writers count its data alone, or nothing."""
    return int.from_bytes(read_at(file, offset + length, 4)) in (length, length - 11, 0)


def _ogg(file: BinaryIO, size: int) -> Findings:
    """Walk the pages of an Ogg file, which are numbered in each stream (RFC 3533, section 6)."""
    offset, n_missing, n_lost, number = 0, 0, 0, None
    following: dict[bytes, int] = {}  # number of each open stream's next page
    while offset + 27 <= size:
        head = read_at(file, offset, 282)
        length = 27 + head[26] + sum(head[27 : 27 + head[26]])
        if head[:4] != b"OggS" or not _is_intact(read_at(file, offset, length)):
            found = next_mark(file, offset, OGG_PAGE)
            if found is None and number is not None and not following:
                yield Finding(False, f"{size - offset} bytes after the last page are not read")
                break
            n_lost += 1
            offset = found or size
            continue
        serial, number = head[14:18], int.from_bytes(head[18:22], "little")
        n_missing += number != following.get(serial, number)
        following[serial] = number + 1
        if head[5] & 4:
            del following[serial]
        offset += length
    if n_missing or n_lost:
        yield Finding(True, f"pages of Ogg are missing or damaged in {counted(max(n_missing, n_lost), 'place')}")
    if following:
        yield Finding(False, "the file ends without the last page of its stream")


def _is_intact(page: bytes) -> bool:
    """Return whether the checksum of a page is right: a CRC like zlib's, but with the bits in the other order."""
    page_without = page[:22] + bytes(4) + page[26:]
    found = zlib.crc32(page_without.translate(REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{found:032b}"[::-1], 2) == int.from_bytes(page[22:26], "little")


def _program_stream(file: BinaryIO, size: int) -> Findings:
    """Walk the packs and packets of an MPEG-PS file (ISO/IEC 13818-1, section 2.5)."""
    offset, n_lost = 0, 0
    while offset + 4 <= size:
        head = read_at(file, offset, 14)
        length = _ps_length(head)
        if length is None:
            found = next_mark(file, offset, PS_PACK) or size
            n_lost += not is_blank(file, offset, found)
            offset = found
        else:
            offset += length
    if n_lost:
        yield Finding(True, f"packets of MPEG-PS are damaged in {counted(n_lost, 'place')}")
    if offset > size:
        yield early_end("last packet", offset - size)


def _ps_length(head: bytes) -> int | None:
    """Return the length of the part of an MPEG-PS file that begins so; None for anything else."""
    if head[:3] != b"\0\0\1" or len(head) < 4 or head[3] < 0xB9:
        return None
    if head[3] == 0xB9:  # the end, though more may follow
        return 4
    if head[3] == 0xBA:
        return 14 + (head[13] & 7) if len(head) == 14 and head[4] >> 6 == 1 else 12
    return 6 + int.from_bytes(head[4:6])


def _transport_stream(file: BinaryIO, size: int) -> Findings:
    """Look at the sync byte of each packet of an MPEG-TS file."""
    head = read_at(file, 0, 6 * max(TS_BYTES))
    for length, start in itertools.product(TS_BYTES, range(max(TS_BYTES))):
        if len(head) - start > 4 * length and all(byte == TS_SYNC for byte in head[start::length]):
            break
    else:
        yield Finding(True, "the file does not begin with packets of MPEG-TS")
        return
    if start != TS_BYTES[length]:
        yield Finding(False, "the file begins within a packet of MPEG-TS")
    n_programs = _n_programs(read_at(file, start, length * TS_AT_ONCE), length)
    if n_programs > 1:
        yield Finding(False, f"it has {n_programs} programs, of which one is read")
    file.seek(start)
    n_wrong = 0
    while data := file.read(length * TS_AT_ONCE):
        n_wrong += int(np.count_nonzero(np.frombuffer(data, np.uint8)[::length] != TS_SYNC))
    if n_wrong:
        yield Finding(True, f"{n_wrong} packets of MPEG-TS are damaged")
    if (size - start + TS_BYTES[length]) % length:
        yield Finding(True, "the file ends within a packet of MPEG-TS")


def _n_programs(packets: bytes, length: int) -> int:
    """Return how many programs the first table of MPEG-TS packets lists (ISO/IEC 13818-1, section 2.4.4.3)."""
    for at in range(0, len(packets) - length, length):
        starts, pid, has_adaptation = packets[at + 1] & 0x40, packets[at + 1 : at + 3], packets[at + 3] & 0x20
        if not starts or int.from_bytes(pid) & 0x1FFF or has_adaptation:
            continue
        table = packets[at + 5 + packets[at + 4] : at + length]
        end = 3 + (int.from_bytes(table[1:3]) & 0xFFF) - 4  # of the list; a checksum follows
        return sum(any(table[entry : entry + 2]) for entry in range(8, min(end, len(table)), 4))
    return 0


def _start_codes(file: BinaryIO, size: int) -> Findings:
    """Look for three zeros before no start code: encoders keep them out of frames (ITU-T H.264, section 7.4.1).

    A container whose header is damaged may pass for a bare stream of what is in it.
    """
    if not STARTS.match(read_at(file, 0, BLANK_BYTES)):
        yield Finding(True, "the file does not begin with a start code of its stream")
    offset, n_wrong = -1, 0
    while (found := next_mark(file, offset, NO_START_CODE)) is not None:
        offset, n_wrong = found, n_wrong + 1
        if n_wrong == MOST_COUNTED:
            break
    if n_wrong:
        yield Finding(True, f"the stream is damaged in {counted(n_wrong, 'place')}")


CHECKS: dict[str, Callable[[BinaryIO, int], Findings]] = {
    "mov,mp4,m4a,3gp,3g2,mj2": walk_mp4,
    "matroska,webm": walk_matroska,
    "flv": _flv,
    "ogg": _ogg,
    "avi": walk_avi,
    "mpeg": _program_stream,
    "mpegts": _transport_stream,
    "gif": walk_gif,
    "asf": walk_asf,
    "asf_o": walk_asf,
    "h264": _start_codes,
    "hevc": _start_codes,
    "vvc": _start_codes,
    "mpegvideo": _start_codes,
    "m4v": _start_codes,
    "wav": walk_wav,
    "w64": walk_w64,
    "caf": walk_caf,
    "voc": walk_voc,
    "sox": walk_sox,
    "adx": walk_adx,
    "wv": walk_wavpack,
    "apng": walk_apng,
    "dirac": walk_dirac,
    "gxf": walk_gxf,
    "mjpeg": walk_mjpeg,
    "nut": walk_nut,
    "rm": walk_realmedia,
    "smjpeg": walk_smjpeg,
    "swf": walk_swf,
    "yuv4mpegpipe": walk_y4m,
}
