"""Whether files of sound alone are whole: what their own headers and blocks say, which FFmpeg does not look at."""

import re
import struct
from typing import BinaryIO

from utils.config.words import counted
from utils.media.file_parts import Finding, Findings, early_end, is_blank, next_mark, read_at
from utils.media.open_length import UNKNOWN_64, is_placeholder

WAVPACK_BLOCK = re.compile(b"wvpk")
WAVPACK_TAGS = (b"APET", b"TAG", b"ID3", b"LYR")  # at the end
WAVPACK_LAST = 0x1000  # flag of the last block of a frame: each pair of channels has its own
UNKNOWN_32 = 0xFFFFFFFF
W64_OPEN = 1 << 62  # what a pipe wrote
VOC_KINDS = 10
VOC_SAMPLES = (1, 2, 9)  # kinds of blocks with samples
ADX_SAMPLES = 32  # in a block of each channel
ADX_END = re.compile(b"[\x80-\xff]")
ADX_AT_ONCE = 1 << 16  # blocks


def walk_wav(file: BinaryIO, size: int) -> Findings:
    """Compare a WAV file with the bytes of sound in its header, or of RF64 in its first chunk (EBU Tech 3306)."""
    order = "big" if read_at(file, 0, 4) == b"RIFX" else "little"
    offset, long_length = 12, 0
    while len(head := read_at(file, offset, 24)) >= 8:
        name, length = head[:4], int.from_bytes(head[4:8], order)
        if name == b"ds64":
            long_length = int.from_bytes(head[16:24], "little")
        if name == b"data":
            is_open = long_length == UNKNOWN_64 if long_length else is_placeholder(length)
            missing = offset + 8 + (long_length or length) - size
            if missing > 0 and not is_open:
                yield early_end("sound", missing)
            return
        offset += 8 + length + length % 2


def walk_w64(file: BinaryIO, size: int) -> Findings:
    """Compare a Wave64 file with the bytes of its chunk of sound: 16 for the name, 8 for the length with both."""
    offset = 40
    while len(head := read_at(file, offset, 24)) == 24:
        length = int.from_bytes(head[16:], "little")
        if head[:4] == b"data" and size < offset + length < W64_OPEN:
            yield early_end("sound", offset + length - size)
        offset += max(24, -(-length // 8) * 8)


def walk_caf(file: BinaryIO, size: int) -> Findings:
    """Compare a CAF file with the bytes of its chunk of sound, which may be the last one, of unknown length."""
    offset = 8
    while len(head := read_at(file, offset, 12)) == 12:
        length = int.from_bytes(head[4:], signed=True)
        if head[:4] == b"data" and offset + 12 + length > size:
            yield early_end("sound", offset + 12 + length - size)
        if length < 0:
            return
        offset += 12 + length


def walk_voc(file: BinaryIO, size: int) -> Findings:
    """Walk the blocks of a Creative Voice file: a byte for the kind, three for the length, 0 as the end mark."""
    offset = int.from_bytes(read_at(file, 20, 2), "little")
    while offset < size:
        head = read_at(file, offset, 4)
        length = int.from_bytes(head[1:], "little")
        if head[0] == 0:
            if not is_blank(file, offset, size):
                yield Finding(True, f"{size - offset - 1} bytes after its end mark are not read")
            return
        if head[0] >= VOC_KINDS:
            yield Finding(True, f"the file is damaged at byte {offset}")
            return
        if head[0] in VOC_SAMPLES and length == 0:  # up to the end, as pipes write it
            return
        offset += 4 + length
    if offset > size:
        yield early_end("last block", offset - size)
    else:
        yield Finding(False, "the file has no end mark")


def walk_sox(file: BinaryIO, size: int) -> Findings:
    """Compare a file in SoX's own format with the number of samples in its header; 0 is not known."""
    order = "<" if read_at(file, 0, 4) == b".SoX" else ">"
    head = read_at(file, 4, 12)
    if len(head) == 12:
        header_bytes, n_samples = struct.unpack(f"{order}IQ", head)
        missing = 4 + header_bytes + 4 * n_samples - size
        if missing > 0:
            yield early_end("sound", missing)


def walk_adx(file: BinaryIO, size: int) -> Findings:
    """Compare a CRI ADX file with the number of samples in its header; 0 is not known.

    A block whose first bit is set is the end mark: FFmpeg's decoder silently gives nothing of what follows.
    """
    head = read_at(file, 0, 16)
    if len(head) < 16:
        return
    block_bytes, n_channels, n_samples = head[5], head[7], int.from_bytes(head[12:])
    start = 4 + int.from_bytes(head[2:4])
    n_blocks = -(-n_samples // ADX_SAMPLES) * n_channels
    missing = start + n_blocks * block_bytes - size
    if missing > 0:
        yield early_end("sound", missing)
        return
    n_blocks -= n_channels  # FFmpeg's encoder counts the mark
    for first in range(0, n_blocks if block_bytes else 0, ADX_AT_ONCE):
        n = min(ADX_AT_ONCE, n_blocks - first)
        mark = ADX_END.search(read_at(file, start + first * block_bytes, n * block_bytes)[::block_bytes])
        if mark:
            n_before = (first + mark.start()) // n_channels * ADX_SAMPLES
            yield Finding(True, f"its end mark comes after {n_before} of {n_samples} samples")
            return


def walk_wavpack(file: BinaryIO, size: int) -> Findings:
    """Walk the blocks of a WavPack file: each says where its samples are, and how many the file has."""
    offset, n_lost, total, end = 0, 0, 0, None
    while offset + 32 <= size:
        head = read_at(file, offset, 32)
        if head[:4] != b"wvpk":
            if head.startswith(WAVPACK_TAGS) and end is not None:
                break
            found = next_mark(file, offset, WAVPACK_BLOCK) or size
            n_lost += end is not None and not is_blank(file, offset, found)
            offset = found
            continue
        length, _, high, total_high, low_total, index, n_samples, flags = struct.unpack("<IHBBIIII", head[4:28])
        index += high << 32
        if end is None and index:
            yield Finding(False, f"it begins with sample {index}, as a part of a file does")
        elif end is None and low_total != UNKNOWN_32:
            total = low_total + (total_high << 32) - total_high
        if n_samples:
            n_lost += end is not None and index != end
            end = index + n_samples if flags & WAVPACK_LAST else index
        offset += 8 + length
    if n_lost:
        yield Finding(True, f"blocks of WavPack are damaged or missing in {counted(n_lost, 'place')}")
    if offset > size:
        yield early_end("last block", offset - size)
    elif end is not None and end < total:
        yield Finding(True, f"{end} of {total} samples are in the file")
