"""Ways to damage a media file at random."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer

RENUMBERED = (".mov", ".mxf", ".avi", ".ogg", ".wav", ".mp3", ".flac")


def _block(rng: random.Random, data: bytearray, most: int = 4000) -> slice:
    length = min(len(data) // 4, int(16 * (most / 16) ** rng.random()))
    start = rng.randrange(len(data) - length)
    return slice(start, start + length)


def _zeroed(rng: random.Random, data: bytearray) -> None:
    where = _block(rng, data)
    data[where] = bytes(where.stop - where.start)


def _cut_out(rng: random.Random, data: bytearray) -> None:
    del data[_block(rng, data)]


def _swapped(rng: random.Random, data: bytearray) -> None:
    one, length = _block(rng, data), 0
    length = one.stop - one.start
    start = rng.randrange(len(data) - length)
    data[one], data[start : start + length] = data[start : start + length], data[one]


def _flipped(rng: random.Random, data: bytearray) -> None:
    for _ in range(rng.choice((1, 4, 30))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _ended(rng: random.Random, data: bytearray) -> None:
    del data[int(len(data) * rng.uniform(0.2, 0.999)) :]


OF_BYTES: dict[str, Callable[[random.Random, bytearray], None]] = {
    "zeroed": _zeroed,
    "cut out": _cut_out,
    "swapped": _swapped,
    "flipped": _flipped,
    "ended": _ended,
}


def _without_packets(rng: random.Random, original: Path, options: str, copy: Path) -> None:
    """Write the file again without some neighbouring packets of one stream.

    Where a muxer would renumber what is left, the packets' bytes are cut out instead.
    """
    with av.open(str(original)) as old:
        packets = [packet for packet in old.demux() if packet.size]
        victim = rng.choice(old.streams).index
        own = [i for i, packet in enumerate(packets) if packet.stream_index == victim]
        first = rng.randrange(1, max(2, len(own) - 6))
        lost = set(own[first : first + rng.choice((1, 1, 2, 5))])
        if original.suffix in RENUMBERED:
            data = original.read_bytes()
            for i in sorted(lost, reverse=True):
                start = cast(int, packets[i].pos)  # known where a packet was read from a file
                data = data[:start] + data[start + packets[i].size :]
            copy.write_bytes(data)
        else:
            _remux([packet for i, packet in enumerate(packets) if i not in lost], old, copy, options)


def _remux(packets: list[av.Packet], old: InputContainer, path: Path, options: str) -> None:
    with av.open(str(path), "w", options=dict([options.split("=", 1)] if options else ())) as new:
        streams = [new.add_stream_from_template(stream) for stream in old.streams]
        for packet in packets:
            packet.stream = streams[packet.stream_index]
            new.mux(packet)


def damaged(rng: random.Random, original: Path, options: str, copy: Path) -> str:
    """Write a damaged copy of a file; return how it was damaged. options: of the muxer, for a copy without packets."""
    kind = rng.choice([*OF_BYTES, "without packets"])
    if kind == "without packets":
        _without_packets(rng, original, options, copy)
        return kind
    data = bytearray(original.read_bytes())
    OF_BYTES[kind](rng, data)
    copy.write_bytes(data)
    return kind
