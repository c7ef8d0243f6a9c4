"""Frames of AC-3 and E-AC-3 (ATSC A/52:2018, sections 5.3 and E.1.2), as far as tags after them need it."""

from av.packet import Packet

from utils.media.file_parts import is_tag

AC3_FORMATS = ("ac3", "eac3")  # demuxers of bare frames
SYNC = b"\x0b\x77"
KBIT_S = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
RATES_HZ = (48000, 44100, 32000)
LAST_AC3 = 10  # version of the syntax; later ones are E-AC-3


def without_tag(packet: Packet) -> Packet:
    """Return a packet without the tag after its frames.

    FFmpeg's parser takes a tag for the end of the last frame, which its decoder then refuses.
    """
    data, end = bytes(packet), 0
    while length := frame_bytes(data[end : end + 6]):
        end += length
    if end >= len(data) or not is_tag(data[end:]):
        return packet
    sound = Packet(data[:end])
    sound.pts, sound.dts, sound.duration, sound.time_base = packet.pts, packet.dts, packet.duration, packet.time_base
    return sound


def frame_bytes(head: bytes) -> int:
    """Return the length of the frame that begins with these six bytes; 0 where none does."""
    if len(head) < 6 or not head.startswith(SYNC):
        return 0
    if head[5] >> 3 > LAST_AC3:
        return 2 * (int.from_bytes(head[2:4]) & 0x7FF) + 2
    rate, number = head[4] >> 6, head[4] & 0x3F
    if rate >= len(RATES_HZ) or number >= 2 * len(KBIT_S):
        return 0
    padding = number & 1 if RATES_HZ[rate] == 44100 else 0
    return 2 * (KBIT_S[number // 2] * 96000 // RATES_HZ[rate] + padding)
