"""MP4 files whose tracks come from several files, as where only one of them is encrypted."""

import struct
from pathlib import Path

from utils.media.mp4 import boxes, inner_box


def join_tracks(video: Path, sound: Path, path: Path) -> Path:
    """Write a file with the picture of one file and the sound of another, whose index is at their end; return its path.

    Both have a picture, then sound.
    """
    files = [video.read_bytes(), sound.read_bytes()]
    content, tracks = box(b"ftyp", inner_box(files[0], b"ftyp")), b""
    for number, data in enumerate(files):
        frames, track = inner_box(data, b"mdat"), bytearray([*boxes(inner_box(data, b"moov"), b"trak")][number])
        shift = len(content) + 8 - data.index(frames)
        at = track.index(b"stco") + 8  # how many offsets of chunks, and the offsets
        n_chunks = int.from_bytes(track[at : at + 4])
        offsets = struct.unpack_from(f">{n_chunks}I", track, at + 4)
        struct.pack_into(f">{n_chunks}I", track, at + 4, *(offset + shift for offset in offsets))
        content += box(b"mdat", frames)
        tracks += box(b"trak", bytes(track))
    header = box(b"mvhd", inner_box(files[0], b"moov", b"mvhd"))
    path.write_bytes(content + box(b"moov", header + tracks))
    return path


def box(name: bytes, content: bytes) -> bytes:
    """Return a box of an MP4 file."""
    return struct.pack(">I4s", 8 + len(content), name) + content


def show_parts(path: Path, parts: list[tuple[int, int]]) -> Path:
    """Make the edit list of the first track show these parts in turn; return the path.

    parts: (length in units of the film, start in units of the track), each. The index is at the end of the file.
    """
    data = path.read_bytes()
    start = data.index(b"elst") - 4
    end = start + int.from_bytes(data[start : start + 4])
    edits = struct.pack(">II", 0, len(parts)) + b"".join(struct.pack(">IiI", *part, 1 << 16) for part in parts)
    changed = bytearray(data[:start] + box(b"elst", edits) + data[end:])
    for name in (b"moov", b"trak", b"edts"):
        at = changed.index(name) - 4
        length = int.from_bytes(changed[at : at + 4]) + len(changed) - len(data)
        changed[at : at + 4] = length.to_bytes(4)
    path.write_bytes(changed)
    return path
