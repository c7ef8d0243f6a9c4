"""Files with several pictures or sounds: grey videos and steady tones that tell which of them was taken."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, cast

import av
import numpy as np
from av.container import OutputContainer
from av.stream import Disposition

from support.media import moving_frames

RATE = 8000
TS_PACKET = 188


class Track(NamedTuple):
    """One stream. level: of the pictures, 0 to 255, or of the tone, 0 to 1."""

    kind: str
    level: float
    language: str = ""
    flags: Disposition = Disposition(0)


def write_tracks(path: Path, tracks: Sequence[Track], seconds: int = 1, options: dict[str, str] | None = None) -> Path:
    """Write a file with these streams, in this order, and return its path."""
    with av.open(str(path), "w", options=options or {}) as container:
        streams = [_add(container, track) for track in tracks]
        for stream, track in zip(streams, tracks, strict=True):
            for frame in _frames(track, seconds):
                container.mux(cast(Any, stream).encode(frame))  # which takes frames of its kind
            container.mux(stream.encode())
    return path


def write_animation(path: Path, n: int) -> Path:
    """Write an animated AVIF of n pictures, 10 per second; the first is a still stream, too. Return its path."""
    with av.open(str(path), "w") as container:
        encoder = container.add_stream("libsvtav1", rate=10, options={"svtav1-params": "lp=1"})
        stream = cast(av.VideoStream, encoder)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number, pixels in enumerate(moving_frames(n, 64, 64)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _add(container: OutputContainer, track: Track) -> av.VideoStream | av.AudioStream:
    if track.kind == "video":
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    else:
        stream = container.add_stream("mp2" if container.format.name == "mpegts" else "flac", rate=16000, layout="mono")
    stream.disposition = track.flags
    if track.language:
        stream.metadata["language"] = track.language
    return stream


def _frames(track: Track, seconds: int) -> Sequence[av.VideoFrame | av.AudioFrame]:
    found = []
    if track.kind == "video":
        for number, pixels in enumerate(moving_frames(25 * seconds)):
            frame = av.VideoFrame.from_ndarray(np.full_like(pixels, track.level), format="rgb24").reformat(
                format="yuv420p"
            )
            frame.pts, frame.time_base = number, Fraction(1, 25)
            found.append(frame)
        return found
    wave = (track.level * np.sign(np.sin(np.arange(16000 * seconds) / 20)) * 32767).astype(np.int16)
    for start in range(0, len(wave), 1152):
        frame = av.AudioFrame.from_ndarray(wave[None, start : start + 1152], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 16000, start, Fraction(1, 16000)
        found.append(frame)
    return found


def write_programs(path: Path, programs: Sequence[Sequence[Track]]) -> Path:
    """Write an MPEG transport stream of several programs, each with these streams, and return its path."""
    entries, packets = b"", []
    for number, tracks in enumerate(programs, 1):
        ids = {
            "mpegts_service_id": number,
            "mpegts_start_pid": 256 * number,
            "mpegts_pmt_start_pid": 256 * number + 128,
        }
        data = write_tracks(path, tracks, options={name: str(value) for name, value in ids.items()}).read_bytes()
        entries += struct.pack(">HH", number, 0xE000 | (256 * number + 128))
        packets.append([data[i : i + TS_PACKET] for i in range(0, len(data), TS_PACKET)])
    table = _program_table(entries)
    joined = [packet for one in packets for packet in one if _pid(packet) != 0]
    path.write_bytes(b"".join([table, *joined]))
    return path


def _pid(packet: bytes) -> int:
    return struct.unpack_from(">H", packet, 1)[0] & 0x1FFF


def _program_table(entries: bytes) -> bytes:
    """Return the packet of a program association table (ISO/IEC 13818-1, section 2.4.4.3)."""
    section = struct.pack(">BHHBBB", 0, 0xB000 | (9 + len(entries)), 1, 0xC1, 0, 0) + entries
    section += struct.pack(">I", _crc(section))
    return (b"\x47\x40\x00\x10\x00" + section).ljust(TS_PACKET, b"\xff")


def _crc(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc
