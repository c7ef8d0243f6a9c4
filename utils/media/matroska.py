"""Whether the structure of a Matroska or WebM file is whole (RFC 8794 and RFC 9559)."""

import re
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from utils.config.words import counted
from utils.media.file_parts import Finding, Findings, early_end, is_blank, next_mark, read_at

SEGMENT, CLUSTER, TRACKS, TRACK, TRACK_NUMBER = 0x18538067, 0x1F43B675, 0x1654AE6B, 0xAE, 0xD7
TRACK_TYPE, VIDEO, PIXEL_CROP = 0x83, 0xE0, (0x54CC, 0x54BB, 0x54DD, 0x54AA)
GROUP, BLOCKS = 0xA0, (0xA1, 0xA3, 0xAF)
HEADER, TOP_OTHERS = 0x1A45DFA3, (0x114D9B74, 0x1549A966, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367)
TOP = (HEADER, CLUSTER, TRACKS, *TOP_OTHERS)
IN_CLUSTER = (*BLOCKS, GROUP, 0xE7, 0x5854, 0xA7, 0xAB, 0x9B, 0xFB, 0xFA, 0xFD, 0x75A1, 0x75A2, 0xA2, 0xA4, 0x8E, 0xC8)
ANYWHERE = (0xEC, 0xBF)  # void, a checksum
ENTERED = (SEGMENT, CLUSTER, GROUP)
NEXT_CLUSTER = re.compile(rb"\x1f\x43\xb6\x75")


class _Element(NamedTuple):
    name: int
    start: int  # of its content
    end: int | None  # None where a live recording leaves it open


def walk_matroska(file: BinaryIO, size: int) -> Findings:
    """Walk the elements of a file down to its blocks, each of which must be in its cluster, and of a known track."""
    offset, n_lost, is_cut = 0, 0, False
    cluster_end: int | None = None
    segment_end: int | None = None
    tracks: set[int] = set()
    while offset < size:
        element = _element(read_at(file, offset, 12), offset)
        name, start, end = element
        if offset == segment_end and name not in (HEADER, SEGMENT, *ANYWHERE):
            yield Finding(False, f"{size - offset} bytes after the end of the film are not read")
            break
        if name == SEGMENT:
            segment_end, cluster_end = end, None
            if end is not None and end > size:
                is_cut = True
                yield early_end("segment", end - size)
        elif name in ANYWHERE and offset == cluster_end:  # between clusters
            cluster_end = None
        elif not _belongs(element, cluster_end, size):
            following = next_mark(file, offset, NEXT_CLUSTER)
            n_lost += not (is_blank(file, offset, following or size) or (is_cut and following is None))
            offset, cluster_end = following or size, None
            continue
        if name in TOP:
            n_lost += cluster_end not in (None, offset)
            cluster_end = end if name == CLUSTER else None
        if name == TRACKS and end is not None:
            tracks |= set(_track_numbers(read_at(file, start, end - start)))
        if name in BLOCKS and tracks:
            n_lost += _number(read_at(file, start, 8))[0] not in tracks
        offset = start if end is None or name in ENTERED else end
    if n_lost:
        yield Finding(True, f"elements of Matroska are damaged in {counted(n_lost, 'place')}")


def track_crops(read: Callable[[int, int], bytes], size: int) -> list[tuple[int, int, int, int]]:
    """Return the pixels to cut off each video track: left, top, right, bottom. read: returns bytes from a place on."""
    offset, crops = 0, list[tuple[int, int, int, int]]()
    while offset < size:
        name, start, end = _element(read(offset, 12), offset)
        if name == TRACKS and end is not None:
            for track, content in _children(read(start, end - start)):
                fields = dict(_children(content)) if track == TRACK else {}
                if int.from_bytes(fields.get(TRACK_TYPE, b"")) == 1:
                    sides = dict(_children(fields.get(VIDEO, b"")))
                    left, top, right, bottom = (int.from_bytes(sides.get(side, b"")) for side in PIXEL_CROP)
                    crops.append((left, top, right, bottom))
            break
        if name == CLUSTER or not (name == SEGMENT or (name and end)):
            break
        offset = start if name == SEGMENT or end is None else end
    return crops


def _belongs(element: _Element, cluster_end: int | None, size: int) -> bool:
    """Return whether an element is a known one that fits."""
    if element.name in TOP:
        return element.end is None or element.end <= size or element.name == CLUSTER
    limit = size if cluster_end is None else min(size, cluster_end)
    return element.name in (*IN_CLUSTER, *ANYWHERE) and element.end is not None and element.end <= limit


def _element(data: bytes, offset: int) -> _Element:
    """Return the element that begins with these bytes, at this place in the file. Its name is 0 where none does."""
    _, at = _number(data)
    length, n_bytes = _number(data[at:])
    start = offset + at + n_bytes
    is_open = length == (1 << 7 * n_bytes) - 1
    return _Element(int.from_bytes(data[:at]) if n_bytes else 0, start, None if is_open else start + length)


def _number(data: bytes) -> tuple[int, int]:
    """Return a number of varying length, and how many bytes it takes: 0 where there is none."""
    n_bytes = 9 - data[0].bit_length() if data else 9
    if n_bytes > min(8, len(data)):
        return 0, 0
    return int.from_bytes(data[:n_bytes]) - (1 << 7 * n_bytes), n_bytes


def _track_numbers(tracks: bytes) -> Iterator[int]:
    for track in _children(tracks):
        for child in _children(track[1]) if track[0] == TRACK else ():
            if child[0] == TRACK_NUMBER:
                yield int.from_bytes(child[1])


def _children(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the name and content of the elements in an element's content."""
    offset = 0
    while offset < len(data):
        name, start, end = _element(data[offset : offset + 12], offset)
        if not name or end is None:
            return
        yield name, data[start:end]
        offset = end
