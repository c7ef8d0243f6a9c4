"""Whether files of containers that few programs write are whole: FFmpeg silently stops where such a file was cut."""

import re
from typing import BinaryIO

from utils.media.file_parts import BLANK_BYTES, Finding, Findings, early_end, read_at

APNG_OPEN = 0xFFFFFFFF  # number of frames, as FFmpeg writes it into a pipe
JPEG_END = b"\xff\xd9"
NUT_INDEX = b"NX\xdd\x67\x2f\x23\xe6\x4e"
NUT_TAIL_BYTES = 12  # the index's length and its checksum, at the end of the file
REALMEDIA_SLACK = 18  # bytes: the head of its chunk of packets, which FFmpeg counts twice
SWF_OPEN = 100 << 20  # bytes, as FFmpeg writes it into a pipe
Y4M_HEADER_BYTES = 4096
Y4M_HALVED = {"420": (2, 2), "411": (4, 1), "422": (2, 1), "444": (1, 1)}  # chroma of each: horizontally, vertically


def walk_apng(file: BinaryIO, size: int) -> Findings:
    """Walk the chunks of an animated PNG and count its frames (PNG, third edition, section 11.3.6)."""
    offset, n_frames, declared = 8, 0, 0
    while len(head := read_at(file, offset, 12)) == 12:
        length, name = int.from_bytes(head[:4]), head[4:8]
        if name == b"acTL":
            declared = int.from_bytes(head[8:])
        n_frames += name == b"fcTL"
        offset += 12 + length
        if name == b"IEND":
            break
    if offset > size:
        yield early_end("last chunk", offset - size)
    if n_frames < declared != APNG_OPEN:
        yield Finding(True, f"{n_frames} of {declared} frames are in the file")


def walk_mjpeg(file: BinaryIO, size: int) -> Findings:
    """Look for the end mark of the last JPEG of a bare stream; padding may follow it."""
    if not read_at(file, max(0, size - BLANK_BYTES), BLANK_BYTES).rstrip(b"\0\r\n").endswith(JPEG_END):
        yield Finding(True, "the file ends within a frame")


def walk_nut(file: BinaryIO, size: int) -> Findings:
    """Look for the index at the end of a NUT file, which its last bytes point to."""
    n_bytes = int.from_bytes(read_at(file, max(0, size - NUT_TAIL_BYTES), 8))
    if n_bytes > size or read_at(file, size - n_bytes, 8) != NUT_INDEX:
        yield Finding(True, "the file ends without its index")


def walk_realmedia(file: BinaryIO, size: int) -> Findings:
    """Compare a RealMedia file with the length of its chunk of packets."""
    offset = 0
    while len(head := read_at(file, offset, 8)) == 8 and head[:4] in (b".RMF", b"PROP", b"MDPR", b"CONT", b"DATA"):
        offset += max(8, int.from_bytes(head[4:]))
        if head[:4] == b"DATA" and offset > size + REALMEDIA_SLACK:
            yield early_end("packets", offset - size)


def walk_swf(file: BinaryIO, size: int) -> Findings:
    """Compare an uncompressed Flash movie with the length in its header."""
    head = read_at(file, 0, 8)
    declared = int.from_bytes(head[4:], "little")
    if head[:3] == b"FWS" and size < declared != SWF_OPEN:
        yield early_end("content", declared - size)


def walk_y4m(file: BinaryIO, size: int) -> Findings:
    """Walk the frames of a YUV4MPEG2 file, which all have the size that its header gives."""
    header = read_at(file, 0, Y4M_HEADER_BYTES).partition(b"\n")[0]
    frame_bytes = _y4m_frame_bytes(header.decode("latin1"))
    offset = len(header) + 1
    while frame_bytes and offset < size:
        head = read_at(file, offset, Y4M_HEADER_BYTES)
        line = head.partition(b"\n")[0]
        if not head.startswith(b"FRAME"[: len(head)]):
            yield Finding(True, f"the file is damaged at byte {offset}")
            return
        offset += len(line) + 1 + frame_bytes
    if offset > size:
        yield early_end("last frame", offset - size)


def _y4m_frame_bytes(header: str) -> int:
    """Return the bytes of a frame by the header of a YUV4MPEG2 file; 0 for what FFmpeg cannot read."""
    fields = {field[0]: field[1:] for field in header.split(" ")[1:] if field}
    layout = fields.get("C", "420")
    if not (fields.get("W", "").isdecimal() and fields.get("H", "").isdecimal()):
        return 0
    width, height = int(fields["W"]), int(fields["H"])
    n_values = width * height
    if not layout.startswith("mono"):
        across, down = Y4M_HALVED.get(layout[:3], (1, 1))
        n_values += 2 * -(-width // across) * -(-height // down)
    if layout == "444alpha":
        n_values += width * height
    return n_values * (2 if re.fullmatch(r"(mono|\d{3}p)\d{1,2}", layout) else 1)
