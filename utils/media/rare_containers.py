"""Whether files of containers that few programs write are whole: FFmpeg silently stops where such a file was cut."""

import re
from typing import BinaryIO

from utils.config.words import counted
from utils.media.file_parts import BLANK_BYTES, Finding, Findings, early_end, next_mark, read_at

APNG_OPEN = 0xFFFFFFFF  # number of frames, as FFmpeg writes it into a pipe
DIRAC, DIRAC_END = b"BBCD", 0x10
DIRAC_MARK = re.compile(rb"BBCD")
GXF_START, GXF_STOP = b"\0\0\0\0\1", b"\0\0\0\0\xe1\xe2"
GXF_NEXT = re.compile(rb"\x00\x00\x00\x00\x01")
JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"
JPEG_FIRST_SEGMENT, JPEG_SCAN = 0xC0, 0xDA
JPEG_BEGIN = re.compile(rb"\xff\xd8\xff")
JPEG_NEXT = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # in coded data, not a zero or a restart mark
NUT_INDEX = b"NX\xdd\x67\x2f\x23\xe6\x4e"
NUT_TAIL_BYTES = 12  # the index's length and its checksum, at the end of the file
REALMEDIA_PACKET = 12  # bytes: the head of a packet
REALMEDIA_SLACK = 18  # bytes: the head of its chunk of packets, which FFmpeg counts twice
SMJPEG_CHUNKS, SMJPEG_END = 16, b"DONE"
SWF_END, SWF_FRAME = 0, 1  # kinds of tags
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
    """Walk the pictures of a bare stream of JPEGs: segments with lengths, and coded data (ITU-T T.81, annex B)."""
    offset, n_lost, n_segments, in_picture = 0, 0, 0, False
    while offset + 2 <= size:
        mark = read_at(file, offset, 4)
        if mark[:2] == JPEG_START:
            n_lost += in_picture
            in_picture, offset, n_segments = True, offset + 2, 0
        elif in_picture and mark[:2] == JPEG_END:
            n_lost += not n_segments
            in_picture, offset = False, offset + 2
        elif in_picture and mark[0] == 0xFF and mark[1] >= JPEG_FIRST_SEGMENT:
            n_segments += 1
            offset += 2 + int.from_bytes(mark[2:])
            if mark[1] == JPEG_SCAN:
                offset = next_mark(file, offset - 1, JPEG_NEXT) or size
        else:  # padding, or damage
            following = next_mark(file, offset, JPEG_BEGIN) or size
            n_lost += in_picture or bool(read_at(file, offset, min(following - offset, BLANK_BYTES)).strip(b"\0\r\n"))
            offset, in_picture = following, False
    if in_picture or offset > size:
        yield Finding(True, "the file ends within a frame")
    if n_lost:
        yield Finding(True, f"frames are damaged in {counted(n_lost, 'place')}")


def walk_nut(file: BinaryIO, size: int) -> Findings:
    """Look for the index at the end of a NUT file, which its last bytes point to."""
    n_bytes = int.from_bytes(read_at(file, max(0, size - NUT_TAIL_BYTES), 8))
    if n_bytes > size or read_at(file, size - n_bytes, 8) != NUT_INDEX:
        yield Finding(True, "the file ends without its index")


def walk_realmedia(file: BinaryIO, size: int) -> Findings:
    """Compare a RealMedia file with the length of its chunk of packets, and walk these, each with its length."""
    offset = 0
    while len(head := read_at(file, offset, 18)) == 18 and head[:4] in (b".RMF", b"PROP", b"MDPR", b"CONT", b"DATA"):
        end = offset + max(8, int.from_bytes(head[4:8]))
        if head[:4] == b"DATA":
            if end > size + REALMEDIA_SLACK:
                yield early_end("packets", end - size)
            else:
                yield from _realmedia_packets(file, offset + 18, size, int.from_bytes(head[10:14]))
        offset = end


def _realmedia_packets(file: BinaryIO, offset: int, size: int, n_packets: int) -> Findings:
    """Walk packets: two bytes for the version, 0 or 1, and two for the length with both."""
    for number in range(n_packets):
        head = read_at(file, offset, 4)
        length = int.from_bytes(head[2:])
        if head[:2] not in (b"\0\0", b"\0\1") or length < REALMEDIA_PACKET or offset + length > size:
            yield Finding(True, f"{number} of {n_packets} packets are in the file, as far as it is whole")
            return
        offset += length


def walk_smjpeg(file: BinaryIO, size: int) -> Findings:
    """Walk the chunks of an SMJPEG file: those with frames or sound have a time before their length."""
    offset, name = SMJPEG_CHUNKS, b""
    while name != SMJPEG_END and len(head := read_at(file, offset, 12)) >= 4:
        name = head[:4]
        if name in (b"vidD", b"sndD"):
            offset += 12 + int.from_bytes(head[8:])
        elif name in (b"_TXT", b"_SND", b"_VID"):
            offset += 8 + int.from_bytes(head[4:8])
        elif name in (b"HEND", SMJPEG_END):
            offset += 4
        else:
            yield Finding(True, f"the file is damaged at byte {offset}")
            return
    if offset > size or name != SMJPEG_END:
        yield Finding(True, "the film has no end mark")


def walk_swf(file: BinaryIO, size: int) -> Findings:
    """Compare an uncompressed Flash movie with its header, and walk its tags (SWF specification, chapters 1 and 2)."""
    head = read_at(file, 0, 9)
    declared = int.from_bytes(head[4:8], "little")
    if head[:3] != b"FWS" or declared == SWF_OPEN:
        return
    if size < declared:
        yield early_end("content", declared - size)
        return
    offset = 8 + -(-(5 + 4 * (head[8] >> 3)) // 8)  # after a rectangle, in bits
    n_declared, n_frames, kind = int.from_bytes(read_at(file, offset + 2, 2), "little"), 0, None
    offset += 4
    while kind != SWF_END and len(tag := read_at(file, offset, 6)) >= 2:
        kind, length = divmod(int.from_bytes(tag[:2], "little"), 64)
        n_frames += kind == SWF_FRAME
        offset += 2 + length if length < 63 else 6 + int.from_bytes(tag[2:], "little")
    if kind != SWF_END or offset < declared or n_frames < n_declared:
        yield Finding(True, f"{n_frames} of {n_declared} frames are in the file, as far as it is whole")


def walk_dirac(file: BinaryIO, size: int) -> Findings:
    """Walk the data units of a Dirac or VC-2 stream, linked in both directions (SMPTE ST 2042-1, section 10.5)."""
    offset, kind, length, n_lost = 0, None, 0, 0
    while len(head := read_at(file, offset, 13)) == 13:
        kind, following, before = head[4], int.from_bytes(head[5:9]), int.from_bytes(head[9:])
        if head[:4] != DIRAC or (before and length and before != length):
            n_lost += 1
        if head[:4] == DIRAC and (following or kind == DIRAC_END):
            length = following or len(head)
            offset += length
        else:
            offset, length = next_mark(file, offset, DIRAC_MARK) or size, 0
    if n_lost:
        yield Finding(True, f"the file is damaged in {counted(n_lost, 'place')}")
    if offset > size or kind != DIRAC_END:
        yield Finding(True, "the file ends before the end mark of its stream")


def walk_gxf(file: BinaryIO, size: int) -> Findings:
    """Walk the packets of a GXF file, each with its length (SMPTE 360M, section 6)."""
    offset, n_lost = 0, 0
    while len(head := read_at(file, offset, 16)) == 16:
        if head[:5] == GXF_START and head[10:] == GXF_STOP and (length := int.from_bytes(head[6:10])) >= len(head):
            offset += length
        else:
            n_lost += 1
            offset = next_mark(file, offset, GXF_NEXT) or size
    if n_lost:
        yield Finding(True, f"packets of GXF are damaged in {counted(n_lost, 'place')}")
    if offset > size:
        yield early_end("last packet", offset - size)


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
