"""Files of bare MP3 or MP2: their tags and headers, and damage beside their frames that FFmpeg does not look at."""

from typing import BinaryIO

from av.packet import Packet

from utils.media.container import Media
from utils.media.file_parts import Finding, Findings, early_end, read_at
from utils.media.input import open_here

MP3_SYNCS = (b"\xff\xfa", b"\xff\xfb", b"\xff\xf2", b"\xff\xf3", b"\xff\xe3")
SYNC_BYTE = 0xFF
PADDING_BYTES = 1 << 16  # looked at, at most
XING_BYTES = 4096  # of an MP3 file before its first frame of sound
LAYER_3, LAYER_2, MPEG_1 = 1, 2, 3  # in the header of a frame
OF_MPEG_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)  # and of 2.5
BITRATES = {  # kbit/s by their number in the header of a frame; 0 and 15 say nothing of its length
    (LAYER_3, True): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),  # of MPEG-1
    (LAYER_2, True): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0),
    (LAYER_3, False): OF_MPEG_2,
    (LAYER_2, False): OF_MPEG_2,
}
RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version of MPEG


def declared_mp3(media: Media, first_at: int) -> tuple[int, int]:
    """Return how many frames and bytes of sound an MP3 file has by its header, zeros where it has none.

    The header is in place of the first frame, before what FFmpeg gives as the first: "Xing" or "Info", four bytes of
    flags, the number of frames, that of bytes, in which it counts itself.

    first_at: where the first frame is that FFmpeg gives.
    """
    file = open_here(media.source) if media.container.format.name == "mp3" else None
    if file is None:
        return 0, 0
    with file:
        start = max(0, first_at - XING_BYTES)
        file.seek(start)
        head = file.read(first_at - start)
    at = max(head.rfind(b"Xing"), head.rfind(b"Info"))
    if at < 0 or head[at + 7] & 3 != 3:
        return 0, 0
    header_at = max(0, *(head.rfind(sync, 0, at) for sync in MP3_SYNCS))
    n_frames, n_bytes = int.from_bytes(head[at + 8 : at + 12]), int.from_bytes(head[at + 12 : at + 16])
    return n_frames, n_bytes - (len(head) - header_at)


def skipped_head(media: Media, first_at: int) -> Findings:
    """Yield what is the matter before the first frame that FFmpeg gives, since it silently skips damage there.

    Whole frames follow the tags, of which one may be a header.

    first_at: where the first frame is that FFmpeg gives.
    """
    file = open_here(media.source) if media.from_start and media.container.format.name == "mp3" else None
    if file is None:
        return
    with file:
        start = offset = _audio_at(file)
        while offset < first_at and (length := frame_bytes(read_at(file, offset, 4))):
            offset += length
        if offset == start < first_at:
            yield Finding(False, "the file does not begin with a frame of sound")
        elif start < offset != first_at:
            yield Finding(True, "its first frames are damaged")


def before_frame(packet: Packet) -> int:
    """Return how many bytes of a packet come before its frame: FFmpeg's parser puts there what is no frame."""
    if memoryview(packet)[0] == SYNC_BYTE:
        return 0
    data = bytes(packet)
    return next((i for i in range(len(data)) if i + frame_bytes(data[i : i + 4]) == len(data)), 0)


def cut_frame(media: Media, last_at: int) -> Findings:
    """Yield that the last frame is longer than the file, which FFmpeg decodes all the same.

    last_at: where the last frame is that FFmpeg gives.
    """
    file = open_here(media.source) if media.from_start and media.container.format.name == "mp3" else None
    if file is None:
        return
    with file:
        missing = last_at + frame_bytes(read_at(file, last_at, 4)) - media.container.size
        if missing > 0:
            yield early_end("last frame", missing)


def _audio_at(file: BinaryIO) -> int:
    """Return where the ID3v2 tags at a file's start (ID3v2.4, section 3.1) and zeros after them end."""
    offset = 0
    while (head := read_at(file, offset, 10))[:3] == b"ID3" and len(head) == 10:
        size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
        offset += 10 + size + (10 if head[5] & 0x10 else 0)  # with a footer
    padded = read_at(file, offset, PADDING_BYTES)
    return offset + len(padded) - len(padded.lstrip(b"\0"))


def frame_bytes(head: bytes) -> int:
    """Return the length of the frame with this header (ISO/IEC 11172-3, section 2.4.1.3); 0 where it does not say."""
    header = int.from_bytes(head)
    version, layer, bitrate, rate = header >> 19 & 3, header >> 17 & 3, header >> 12 & 15, header >> 10 & 3
    kbit_s = BITRATES.get((layer, version == MPEG_1), ())
    if len(head) < 4 or header >> 21 != 0x7FF or not kbit_s or version not in RATES_HZ or rate == 3:
        return 0
    n_samples = 576 if layer == LAYER_3 and version != MPEG_1 else 1152
    n_bytes = 1000 * n_samples // 8 * kbit_s[bitrate] // RATES_HZ[version][rate]
    return n_bytes + (header >> 9 & 1) if n_bytes else 0
