"""The packets of ASF files, whole and damaged."""

import io
from pathlib import Path

import av
import pytest
from support.media import moving_frames, waveform, write_clip

from utils.media import asf
from utils.media.asf import DATA, DATA_HEAD_BYTES, ERROR_CORRECTED, FILE_PROPERTIES, _Objects, walk_asf

SOUND = {"audio": waveform(0, 2.0, 44100), "audio_codec": "wmav2"}
PACKET_BYTES = 3200  # as FFmpeg writes them
PACKET = ERROR_CORRECTED + bytes(8) + b"\1"  # one empty payload of the first stream
DAMAGED = bytes(12)


def film(packets: bytes, is_live: bool = False, longest: int = 12) -> bytes:
    def number(n: int, n_bytes: int) -> bytes:
        return n.to_bytes(n_bytes, "little")

    sizes = number(is_live, 4) + number(12, 4) + number(longest, 4)
    other = bytes(16) + number(24, 8)
    properties = FILE_PROPERTIES + number(104, 8) + bytes(64) + sizes + bytes(4)
    header = bytes(16) + number(30 + 24 + 104, 8) + bytes(6) + other + properties
    return header + (DATA + number(DATA_HEAD_BYTES + 72, 8)).ljust(DATA_HEAD_BYTES, b"\0") + packets


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (film(PACKET * 6 + b"index"), []),
        (film(PACKET * 2 + DAMAGED * 3 + PACKET), ["3 packets of ASF are damaged"]),
        (film(PACKET * 5), ["the file ends 12 bytes before the end of its last packet"]),
        (film(PACKET * 5, is_live=True), []),
        (film(DAMAGED * 6), []),  # of a writer that marks none
        (film(PACKET + DAMAGED * 5, longest=20), []),
    ],
)
def test_packets(data: bytes, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asf, "AT_ONCE", 25)
    assert [finding.problem for finding in walk_asf(io.BytesIO(data), len(data))] == expected


def part(number: int, offset: int, size: int, n_bytes: int, stream: int = 1) -> bytes:
    """Return a payload: a part of an object of `size` bytes."""
    described = size.to_bytes(4, "little") + bytes(4)
    return bytes([stream, number]) + offset.to_bytes(4, "little") + b"\x08" + described + b"\x03" * n_bytes


def in_packet(payload: bytes) -> bytes:
    """Return a packet with one payload, whose number has one byte, and whose offset has four."""
    return ERROR_CORRECTED + bytes([0, 0b01011101]) + bytes(6) + payload


@pytest.mark.parametrize(
    ("payloads", "expected"),
    [
        ([part(254, 0, 9, 9), part(255, 0, 18, 9), part(255, 9, 18, 9), part(0, 0, 9, 9)], []),
        ([part(0, 0, 9, 9), part(0, 0, 9, 9, 2), part(1, 0, 9, 9), part(1, 0, 9, 9, 2)], []),
        ([part(0, 0, 9, 9), part(2, 0, 9, 9)], ["frames of ASF are missing by their numbers in 1 place"]),
        ([part(0, 0, 18, 9), part(1, 0, 9, 9)], ["packets of ASF are damaged in 1 place"]),
        ([part(0, 0, 27, 9), part(0, 18, 27, 9)], ["packets of ASF are damaged in 1 place"]),
        ([part(0, 0, 9, 9), part(1, 0, 18, 9)], ["packets of ASF are damaged in 1 place"]),
        ([part(0, 0, 9, 9), part(1, 0, 9, 9, 0), part(1, 0, 9, 9)], ["packets of ASF are damaged in 1 place"]),
    ],
)
def test_objects(payloads: list[bytes], expected: list[str]) -> None:
    objects = _Objects()
    for payload in payloads:
        objects.take(in_packet(payload))
    assert [finding.problem for finding in objects.findings()] == expected


def n_packets(data: bytes) -> int:
    with av.open(io.BytesIO(data), "r") as container:
        return sum(packet.size > 0 for packet in container.demux())


def test_a_flipped_bit_in_the_head_of_a_payload(tmp_path: Path) -> None:
    """Where a demuxer skips what it does not understand, and says nothing, that is found."""
    data, n_lossy = write_clip(tmp_path / "x.wmv", moving_frames(50), codec="wmv2", **SOUND).read_bytes(), 0
    assert list(walk_asf(io.BytesIO(data), len(data))) == []
    start, whole = data.index(DATA) + DATA_HEAD_BYTES, n_packets(data)
    at = start + (len(data) - start) // PACKET_BYTES // 2 * PACKET_BYTES
    for where in range(at + 1, at + 40):
        damaged = data[:where] + bytes([data[where] ^ 64]) + data[where + 1 :]
        if n_packets(damaged) < whole:
            n_lossy += 1
            assert any(finding.is_loss for finding in walk_asf(io.BytesIO(damaged), len(damaged))), where - at
    assert n_lossy > 5
