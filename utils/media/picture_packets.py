"""Whether each packet of a video stream holds one picture, so that counting packets counts pictures."""

from collections.abc import Callable, Iterator

import av
from av.packet import Packet

INTRA = ("dnxhd", "dvvideo", "ffv1", "ffvhuff", "huffyuv", "jpeg2000", "mjpeg", "png", "prores", "rawvideo", "utvideo")
PLAIN = (*INTRA, "av1", "gif", "vp8", "vp9")  # one picture in each packet, or a hidden one
VP8_SHOWN = 0x10  # bit of a VP8 frame's first byte: this frame is shown (RFC 6386, section 9.1)
VP9_SUPERFRAME = 0b110  # the upper bits of the last byte of a packet with several frames, of which one is shown
HEVC_IDR = (19, 20)
H264_IDR, H264_SPS = 5, 7
H264_HIGH = (44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244)  # profiles that state a chroma format
SPS_BYTES = 64  # enough of a sequence parameter set
THEORA_HEADER = 0x80  # bit of a packet's first byte (Theora specification, section 6.1)
MPEG4_VOP, MPEG4_B = b"\0\0\1\xb6", 2  # start code of a picture, and its kind that refers to two others
NOT_CODED_BYTES = 10  # a picture of MPEG-4 up to this size may be a header that repeats the one before


class PicturePackets:
    """Looks at the packets of a stream, one after the other, for pictures.

    `one_each` is False from the packet on that shows otherwise: fields of interlaced H.264, which come in packets of
    their own; a stream that starts between key frames, where a decoder drops what it cannot decode; and any codec not
    known to be simple, such as MPEG-4 with several frames in a packet or none. Only a decoder counts the pictures then.

    `n_sure` is the least number of pictures that a decoder must give for the packets so far.
    """

    def __init__(self, stream: av.VideoStream) -> None:
        self._codec = stream.codec_context.codec.canonical_name
        self._extradata = stream.codec_context.extradata or b""
        self._is_first = True
        self.one_each = self._codec in (*PLAIN, *STARTS)
        self._n_shown = self._n_coded = self._n_references = 0  # the last two of MPEG-4

    @property
    def n_sure(self) -> int:
        """How many pictures there are at least."""
        return self._n_shown if self.one_each else self._n_coded

    def shows(self, packet: Packet) -> bool:
        """Return whether a packet has a picture to show: no edit list and no flag of the codec hides it."""
        shown = self._shows(packet)
        self._n_shown += shown
        if shown and self._codec == "mpeg4":
            self._n_coded += self._is_coded(packet)
        return shown

    def is_header(self, packet: Packet) -> bool:
        """Return whether a packet repeats a header, as in joined Theora files, where decoders refuse some of it."""
        return self._codec == "theora" and bool(bytes(packet)[0] & THEORA_HEADER)

    def _is_coded(self, packet: Packet) -> bool:
        """Return whether a packet of MPEG-4 holds a picture that a decoder can show."""
        data = bytes(packet)
        start = data.find(MPEG4_VOP)
        if not 0 <= start < len(data) - NOT_CODED_BYTES:
            return False
        is_b = data[start + len(MPEG4_VOP)] >> 6 == MPEG4_B
        self._n_references += not is_b and (packet.is_keyframe or self._n_references > 0)
        return self._n_references > is_b  # after the first key frame, one may lack the other picture it refers to

    def _shows(self, packet: Packet) -> bool:
        if self.one_each and (self._is_first or packet.is_keyframe):
            starts = STARTS.get(self._codec)
            self.one_each = packet.is_keyframe and (not starts or starts(packet, self._extradata, self._is_first))
        self._is_first = False
        if packet.is_discard or self.is_header(packet):
            return False
        if self._codec == "vp8":
            return bool(bytes(packet)[0] & VP8_SHOWN)
        return self._codec != "vp9" or _shows_vp9(bytes(packet))


def _shows_vp9(data: bytes) -> bool:
    """Return whether a VP9 packet has a shown frame (VP9 bitstream specification, sections 6.2 and annex B)."""
    if data[-1] >> 5 == VP9_SUPERFRAME:
        return True
    reserved = data[0] >> 4 & 3 == 3  # profile 3 has one more bit
    shows_existing = data[0] >> (2 if reserved else 3) & 1
    is_shown = data[0] >> (0 if reserved else 1) & 1
    return bool(shows_existing or is_shown)


def _h264_starts(packet: Packet, extradata: bytes, is_first: bool) -> bool:
    """Return whether packets are whole frames from this key frame on, and a decoder can start from it."""
    found = list(_units(bytes(packet), extradata, 4))
    types = [unit[0] & 31 for unit in found]
    if is_first and H264_IDR not in types:
        return False
    sets = [unit for unit, kind in zip(found, types, strict=True) if kind == H264_SPS]
    if is_first and extradata[:1] == b"\1":  # an avcC box holds sets, too
        size = int.from_bytes(extradata[6:8])
        sets.append(extradata[8 : 8 + size])
    return all(map(_has_frames_only, sets)) and bool(sets or not is_first)


def _hevc_starts(packet: Packet, extradata: bytes, is_first: bool) -> bool:
    """Return whether a decoder can start from a packet: after another key frame it may drop leading pictures."""
    return not is_first or any(unit[0] >> 1 in HEVC_IDR for unit in _units(bytes(packet), extradata, 21))


STARTS: dict[str, Callable[[Packet, bytes, bool], bool]] = {"h264": _h264_starts, "hevc": _hevc_starts}  # by codec


def _units(data: bytes, extradata: bytes, length_at: int) -> Iterator[bytes]:
    """Yield the NAL units of a packet.

    extradata: an avcC or hvcC box where units come after their length, whose size is at `length_at` in it.
    """
    if extradata[:1] != b"\1":
        yield from (unit for unit in data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if unit)
        return
    size, position = (extradata[length_at] & 3) + 1, 0
    while position + size < len(data):
        end = position + size + int.from_bytes(data[position : position + size])
        yield data[position + size : end]
        position = end


def _has_frames_only(sps: bytes) -> bool:
    """Return whether an H.264 sequence parameter set rules out fields (ITU-T H.264, section 7.3.2.1.1)."""
    bits = _Bits(sps[1:SPS_BYTES])
    profile = bits.take(8)
    bits.take(16)  # constraints, level
    bits.numbers(1)  # its own number
    if profile in H264_HIGH:
        if bits.numbers(1) == 3:
            bits.take(1)  # separate planes
        bits.numbers(2)  # bit depths
        bits.take(1)  # lossless
        if bits.take(1):  # scaling lists, which are long
            return False
    bits.numbers(1)  # length of frame numbers
    order = bits.numbers(1)
    if order == 0:
        bits.numbers(1)
    elif order == 1:
        bits.take(1)
        bits.numbers(2)
        bits.numbers(min(255, bits.numbers(1)))
    bits.numbers(1)  # reference frames
    bits.take(1)  # gaps in frame numbers
    bits.numbers(2)  # width, height
    return bool(bits.take(1))


class _Bits:
    """Reads bits; zeros after the last one."""

    def __init__(self, data: bytes) -> None:
        plain = data.replace(b"\0\0\3", b"\0\0")  # without emulation prevention
        self._bits = "".join(f"{byte:08b}" for byte in plain)
        self._at = 0

    def take(self, n: int) -> int:
        """Return the next n bits as a number."""
        self._at += n
        return int(self._bits[self._at - n : self._at] or "0", 2)

    def numbers(self, n: int) -> int:
        """Read n numbers of varying length (Exp-Golomb codes), and return the last one, without its sign."""
        number = 0
        for _ in range(n):
            n_zeros = max(0, self._bits.find("1", self._at) - self._at)
            self._at += n_zeros
            number = self.take(n_zeros + 1) - 1
        return number
