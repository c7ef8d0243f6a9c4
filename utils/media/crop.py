"""The crop that a container asks for, as FFmpeg 7.1 and later apply it: PixelCrop of Matroska, clap of MP4."""

import math
import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import av

from utils.media.container import Media
from utils.media.matroska import track_crops
from utils.media.mp4 import boxes, inner_box

MOST_BOXES = 1000
MOST_BYTES = 1 << 26  # of an index
SAMPLE_ENTRY_BYTES = 78  # of a video, before further boxes


class Crop(NamedTuple):
    """Pixels to leave out at each side of a frame as stored."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return (width, height) of what is left of a frame."""
        return width - self.left - self.right, height - self.top - self.bottom

    def within(self, width: int, height: int) -> "Crop":
        """Return this crop; none where it would leave nothing of a frame of this size."""
        return self if min(self) >= 0 and min(self.size(width, height)) > 0 else Crop()


def crop_of(media: Media, stream: av.VideoStream) -> Crop:
    """Return the crop of a video stream; none where the container has none, or one that leaves nothing."""
    name, number = media.container.format.name, media.container.streams.video.index(stream)
    size = (stream.codec_context.width, stream.codec_context.height)
    if name == "matroska,webm":
        crops = [Crop(*sides) for sides in track_crops(media.read_at, media.container.size)]
    elif name.startswith("mov,"):
        crops = [_from_clap(clap, size) for clap in _claps(media)]
    else:
        return Crop()
    found = crops[number] if number < len(crops) else Crop()
    return found.within(*size)


def _from_clap(clap: bytes, size: tuple[int, int]) -> Crop:
    """Return the crop of a clean aperture (ISO/IEC 14496-12, section 12.1.4), from and to the pixels below its ends."""
    if len(clap) < 32:
        return Crop()
    numbers = struct.unpack(">IIIIiIiI", clap[:32])
    if not all(numbers[1::2]):
        return Crop()
    width, height, x, y = (Fraction(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True))
    left, top = x + (size[0] - width) / 2, y + (size[1] - height) / 2
    return Crop(
        math.floor(left), math.floor(top), size[0] - math.floor(left + width), size[1] - math.floor(top + height)
    )


def _claps(media: Media) -> Iterator[bytes]:
    """Yield the content of the clap box of each video track, empty without one."""
    for track in boxes(_movie(media), b"trak"):
        if inner_box(track, b"mdia", b"hdlr")[8:12] != b"vide":
            continue
        first = next(boxes(inner_box(track, b"mdia", b"minf", b"stbl", b"stsd")[8:]), b"")
        yield inner_box(first[SAMPLE_ENTRY_BYTES:], b"clap")


def _movie(media: Media) -> bytes:
    """Return the content of the moov box; empty without one."""
    offset = 0
    for _ in range(MOST_BOXES):
        head = media.read_at(offset, 16)
        if len(head) < 8:
            break
        length, name = struct.unpack_from(">I4s", head)
        if length == 1:
            length = int.from_bytes(head[8:16])
        if name == b"moov":
            return media.read_at(offset + 8, min(length - 8, MOST_BYTES))
        if length < 8:
            break
        offset += length
    return b""
