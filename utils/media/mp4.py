"""The boxes of an MP4 file (ISO/IEC 14496-12): whether they are whole, and what is in them."""

import itertools
import re
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from utils.config.words import counted
from utils.media.file_parts import Finding, Findings, Suspicion, early_end, is_blank, next_mark, read_at

MOST_BOXES = 5000  # looked at, at most: a recording may have a million fragments
FRAGMENT = re.compile(rb"moof")
IN_FRAGMENT = b"mfhd traf tfhd tfdt trun saiz saio senc sbgp sgpd subs meta pssh udta uuid free skip".split()
BESIDE_FRAGMENTS = (
    b"moof mdat mfra free skip wide styp sidx ssix prft emsg ftyp moov pdin meta udta uuid imda bloc pnot".split()
)
MOST_INDEX_BYTES = 1 << 26
SHOWN = (b"vide", b"soun")  # kinds of tracks
OPEN_LENGTH = 2**32 - 1


class _Length(NamedTuple):
    """How long a film or a track is."""

    units: int
    units_in_s: int


def walk_mp4(file: BinaryIO, size: int) -> Findings:
    """Walk the boxes of a file, and those of its fragments (section 4.2)."""
    offset, n_films, fragment_end = 0, 0, 0
    numbers = list[int]()  # of the fragments
    for _ in range(MOST_BOXES):
        head = read_at(file, offset, 20)
        if len(head) < 8:
            break
        length, name = struct.unpack_from(">I4s", head)
        if length == 1:
            length = int.from_bytes(head[8:16])
        is_inner = offset < fragment_end
        is_box = name.replace(b" ", b"").isalnum() and (name != b"trun" or _is_run(head, length))
        if not is_box or (is_inner and not 8 <= length <= fragment_end - offset):
            is_fragmented = fragment_end or next_mark(file, offset, FRAGMENT)
            is_loss = bool(is_fragmented and not is_blank(file, offset, size))  # else its index tells what is lost
            yield Finding(is_loss, f"{size - offset} bytes from byte {offset} on are not read")
            break
        n_films += name == b"moov"
        if name == b"moov" and n_films == 2:
            yield Finding(False, f"a second film begins at byte {offset} (joined files?): its frames are not listed")
        if length == 0:
            break
        if offset + length > size:
            yield early_end(f"{name.decode('ascii', 'replace')} box", offset + length - size)
            break
        if name == b"moov":
            yield from _check_index(read_at(file, offset + 8, min(length - 8, MOST_INDEX_BYTES)))
        if fragment_end and name not in (IN_FRAGMENT if is_inner else BESIDE_FRAGMENTS):
            yield Finding(False, f"boxes of an unknown kind ({name.decode('ascii', 'replace')}) are not read")
        if name == b"moof":
            fragment_end = offset + length
        elif name == b"mfhd":
            numbers.append(int.from_bytes(head[12:16]))
        offset += 8 if name in (b"moof", b"traf") else max(8, length)
    if n := _missing(numbers):
        places = counted(n, "place")
        yield Suspicion(False, f"fragments are missing by their numbers in {places}")


def _missing(numbers: list[int]) -> int:
    """Return in how many places fragments are missing (section 8.8.5); 0 where a writer does not number one by one."""
    steps = [after - before for before, after in itertools.pairwise(numbers)]
    n_skips = sum(step > 1 for step in steps)
    return n_skips if len(steps) - steps.count(1) == n_skips <= len(steps) / 2 else 0


def _is_run(head: bytes, length: int) -> bool:
    """Return whether a "trun" box is as long as the number of its samples makes it (section 8.8.8)."""
    flags, n_samples = struct.unpack_from(">II", head, 8)
    n_fields = (flags & 1) + (flags >> 2 & 1) + n_samples * (flags >> 8 & 15).bit_count()
    return length == 16 + 4 * n_fields


def _check_index(movie: bytes) -> Findings:
    """Look for frames without a time, and edit lists that hide more than they can mean to (section 8.6.6)."""
    if n_untimed := _untimed(movie):
        yield Finding(True, f"its index is damaged: {n_untimed} frames have no time")
    film_units = _length(inner_box(movie, b"mvhd")).units_in_s
    for track in boxes(movie, b"trak"):
        media = _length(inner_box(track, b"mdia", b"mdhd"))
        if inner_box(track, b"mdia") and not media.units_in_s:
            yield Finding(True, "its index is damaged: a track has no scale of times")
        elif inner_box(track, b"mdia", b"hdlr")[8:12] in SHOWN and film_units and media.units:
            declared_s = _track_units(inner_box(track, b"tkhd")) / film_units
            wanted_s, delay_s, found_s = _shown_by_edits(inner_box(track, b"edts", b"elst"), film_units, media)
            if 0 < wanted_s < min(declared_s - delay_s, media.units / media.units_in_s) / 2:  # not all tools adapt it
                yield Finding(False, f"its edit list shows {wanted_s:.2f} s of a track of {declared_s:.2f} s")
            elif found_s < wanted_s / 2:  # the delay of B-frames counts, which is long at a low rate
                yield Finding(False, f"its edit list shows {wanted_s:.2f} s, of which {found_s:.2f} s exist")


def _length(header: bytes) -> _Length:
    """Return the length in a "mvhd" or "mdhd" box (sections 8.2.2, 8.4.2); zeros without one."""
    form, at = (">IQ", 20) if header[:1] == b"\1" else (">II", 12)
    scale, units = struct.unpack_from(form, header, at) if len(header) >= at + struct.calcsize(form) else (0, 0)
    return _Length(0 if units == OPEN_LENGTH else units, scale)


def _track_units(header: bytes) -> int:
    """Return the length in a "tkhd" box, in units of the film (section 8.3.2)."""
    return int.from_bytes(header[28:36] if header[:1] == b"\1" else header[20:24])


def _shown_by_edits(edits: bytes, film_units: int, media: _Length) -> tuple[float, float, float]:
    """Return how many seconds an edit list shows, how long its delays are, and how much of the first the track has."""
    wanted_s = delay_s = found_s = 0.0
    form = ">QqI" if edits[:1] == b"\1" else ">IiI"
    whole = len(edits[8:]) // struct.calcsize(form) * struct.calcsize(form)
    for duration, start, _ in struct.iter_unpack(form, edits[8 : 8 + whole]):
        if start < 0:
            delay_s += duration / film_units
        else:
            wanted_s += duration / film_units
            found_s += min(duration / film_units, max(0, media.units - start) / media.units_in_s)
    return wanted_s, delay_s, found_s


def _untimed(movie: bytes) -> int:
    """Return how many samples a list of composition times leaves out, in all tracks (section 8.6.1.3)."""
    n_untimed = 0
    for track in boxes(movie, b"trak"):
        table = inner_box(track, b"mdia", b"minf", b"stbl")
        sizes, times = inner_box(table, b"stsz") or inner_box(table, b"stz2"), inner_box(table, b"ctts")
        if times:
            n_samples = int.from_bytes(sizes[8:12])
            n_timed = sum(int.from_bytes(times[at : at + 4]) for at in range(8, len(times) - 7, 8))
            n_untimed += max(0, n_samples - n_timed)
    return n_untimed


def inner_box(data: bytes, *path: bytes) -> bytes:
    """Return the content of the first box of a name within the first one of another name, and so on; empty if none."""
    for name in path:
        data = next(boxes(data, name), b"")
    return data


def boxes(data: bytes, wanted: bytes = b"") -> Iterator[bytes]:
    """Yield the content of the boxes of a name; of all boxes without one."""
    offset = 0
    while offset + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, offset)
        if length < 8:
            return
        if name == wanted or not wanted:
            yield data[offset + 8 : offset + length]
        offset += length
