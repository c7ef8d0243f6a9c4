"""Damaged media files: what is lost must be noticed.

    python -m benchmarks.faults_media --files 1000 --seed 1

Small files of 13 containers are damaged at random: blocks of bytes zeroed, cut out, swapped, bits flipped, the end cut
off, packets taken out. Each is decoded as a run decodes it. Where a stream gives fewer frames, or fewer samples of
sound, than the healthy file has by PyAV, packet by packet, and nothing is said about it, that is a silent `done`; there
must be none.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from benchmarks import record
from utils.errors import VideoError
from utils.media.audio import AudioStream
from utils.media.frame_times import frame_times_s
from utils.media.report import VideoReport
from utils.media.video import VideoStream

FPS, RATE_HZ, SECONDS = 25, 48000, 4
SIZE = (64, 48)
CONTAINERS: dict[str, tuple[str, str, str]] = {  # file name → codec of the picture, of the sound, options of the muxer
    "plain.mp4": ("libx264", "aac", ""),
    "faststart.mov": ("mpeg4", "pcm_s16le", "movflags=faststart"),
    "fragments.mp4": ("libx264", "aac", "movflags=frag_keyframe+empty_moov"),
    "matroska.mkv": ("libx264", "vorbis", ""),
    "web.webm": ("libvpx-vp9", "libopus", ""),
    "riff.avi": ("mpeg4", "libmp3lame", ""),
    "transport.ts": ("libx264", "aac", ""),
    "program.mpg": ("mpeg2video", "mp2", ""),
    "flash.flv": ("flv", "libmp3lame", ""),
    "sound.ogg": ("", "libopus", ""),
    "sound.wav": ("", "pcm_s16le", ""),
    "sound.mp3": ("", "libmp3lame", ""),
    "sound.flac": ("", "flac", ""),
}
RENUMBERED = (".mov", ".avi", ".ogg", ".wav", ".mp3", ".flac")


@dataclass(frozen=True)
class Healthy:
    """A file before it is damaged. samples: of the sound, None without any."""

    path: Path
    frames: int | None
    samples: int | None


def write(folder: Path, name: str) -> Healthy:
    """Write the healthy file of a container, and count what is in it."""
    picture, sound, options = CONTAINERS[name]
    path = folder / name
    with av.open(str(path), "w", options=dict([options.split("=", 1)] if options else ())) as container:
        video = container.add_stream(picture, rate=FPS, options={"g": "12"}) if picture else None
        layout = "stereo" if sound == "vorbis" else "mono"
        strict = {"strict": "experimental"} if sound == "vorbis" else {}
        audio = container.add_stream(sound, rate=RATE_HZ, layout=layout, options=strict)
        if video is not None:
            video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        for second in range(SECONDS):
            if video is not None:
                _encode_pictures(container, video, second)
            _encode_sound(container, audio, second, layout)
        for stream in (video, audio):
            if stream is not None:
                container.mux(stream.encode(None))
    return Healthy(path, _count(path, "video"), _count(path, "audio"))


def _encode_pictures(container: av.container.OutputContainer, stream: av.VideoStream, second: int) -> None:
    rng = np.random.default_rng(second)
    ground = rng.integers(0, 255, (SIZE[1] // 4, SIZE[0] // 4, 3), np.uint8).repeat(4, 0).repeat(4, 1)
    for number in range(second * FPS, (second + 1) * FPS):
        frame = av.VideoFrame.from_ndarray(np.roll(ground, number, 1), format="rgb24").reformat(format="yuv420p")
        frame.pts = number
        container.mux(stream.encode(frame))


def _encode_sound(container: av.container.OutputContainer, stream: av.AudioStream, second: int, layout: str) -> None:
    t = np.arange(second * RATE_HZ, (second + 1) * RATE_HZ) / RATE_HZ
    samples = (8000 * np.sin(2 * np.pi * (300 + 40 * t) * t)).astype(np.int16)
    data = np.repeat(samples, 2) if layout == "stereo" else samples
    for start in range(0, RATE_HZ, 960):
        width = len(data) // RATE_HZ
        block = np.ascontiguousarray(data[start * width : (start + 960) * width]).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, format="s16", layout=layout)
        frame.sample_rate, frame.pts = RATE_HZ, second * RATE_HZ + start
        container.mux(stream.encode(frame))


def _count(path: Path, kind: str) -> int | None:
    """Return how many frames or samples PyAV decodes, packet by packet."""
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        if not streams:
            return None
        decoded = (frame for packet in container.demux(streams[0]) for frame in packet.decode())
        return sum(1 if kind == "video" else frame.samples for frame in decoded)


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


def without_packets(rng: random.Random, healthy: Healthy, path: Path) -> None:
    """Write the file again without some neighbouring packets of one stream.

    Where a muxer would number what is left anew, the packets' bytes are cut out instead.
    """
    with av.open(str(healthy.path)) as old:
        packets = [packet for packet in old.demux() if packet.size]
        victim = rng.choice(old.streams).index
        own = [i for i, packet in enumerate(packets) if packet.stream_index == victim]
        first = rng.randrange(1, max(2, len(own) - 6))
        lost = set(own[first : first + rng.choice((1, 1, 2, 5))])
        if healthy.path.suffix in RENUMBERED:
            data = healthy.path.read_bytes()
            for i in sorted(lost, reverse=True):
                data = data[: packets[i].pos] + data[packets[i].pos + packets[i].size :]
            path.write_bytes(data)
        else:
            _remux([packet for i, packet in enumerate(packets) if i not in lost], old, path, healthy.path.name)


def _remux(packets: list[av.Packet], old: av.container.InputContainer, path: Path, name: str) -> None:
    options = CONTAINERS[name][2]
    with av.open(str(path), "w", options=dict([options.split("=", 1)] if options else ())) as new:
        streams = [new.add_stream_from_template(stream) for stream in old.streams]
        for packet in packets:
            packet.stream = streams[packet.stream_index]
            new.mux(packet)


def damaged(rng: random.Random, healthy: Healthy, path: Path) -> str:
    """Write a damaged copy; return how it was damaged."""
    kind = rng.choice([*OF_BYTES, "without packets"])
    if kind == "without packets":
        without_packets(rng, healthy, path)
        return kind
    data = bytearray(healthy.path.read_bytes())
    OF_BYTES[kind](rng, data)
    path.write_bytes(data)
    return kind


def outcomes(path: Path, healthy: Healthy) -> dict[str, str]:
    """Return what is said of each stream of a damaged file: "whole", "noted", "failed", or "silent"."""
    found = {}
    if healthy.frames is not None:
        found["pictures"] = _outcome(lambda: _pictures(path), healthy.frames)
        found["sampled"] = _outcome(lambda: _sampled(path), healthy.frames)
    if healthy.samples is not None:
        found["sound"] = _outcome(lambda: _sound(path), healthy.samples)
    return found


def _outcome(decode: Callable[[], tuple[int, list[str]]], expected: int) -> str:
    try:
        n, problems = decode()
    except VideoError:
        return "failed"
    if problems:
        return "noted"
    return "whole" if n >= expected else "silent"


def _pictures(path: Path) -> tuple[int, list[str]]:
    with VideoStream(path) as stream:
        return sum(len(chunk.index) for chunk in stream), stream.report.problems


def _sampled(path: Path) -> tuple[int, list[str]]:
    """Decode five frames of those counted, as types that place clips do."""
    report = VideoReport()
    n = len(frame_times_s(path, report=report))
    with VideoStream(path, wanted=[n * k // 5 for k in range(5)]) as stream:
        for _ in stream:
            pass
        report.take_over(stream.report)
    return n, report.problems


def _sound(path: Path) -> tuple[int, list[str]]:
    with AudioStream(path, RATE_HZ) as stream:
        return sum(map(len, stream)), stream.report.problems


def soak(folder: Path, n_files: int, seed: int) -> dict[str, Any]:
    """Damage files; return how often each outcome came, and each silent one."""
    healthy = [write(folder, name) for name in CONTAINERS]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    silent = []
    for number in range(n_files):
        rng = random.Random(seed * 1_000_003 + number)
        original = healthy[number % len(healthy)]
        path = folder / f"{number:05d}{original.path.suffix}"
        kind = damaged(rng, original, path)
        found = outcomes(path, original)
        counts[original.path.name].update(found.values())
        silent += [f"{number}: {original.path.name}, {kind}: {what}" for what in found if found[what] == "silent"]
        path.unlink()
    return {
        "files": n_files,
        "outcomes": {name: dict(sorted(count.items())) for name, count in counts.items()},
        "silent": silent,
    }


def main(arguments: list[str]) -> None:
    """Damage, decode, print, keep the figures; the exit code says whether all was noticed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1000, help="how many (default: 1000)")
    parser.add_argument("--seed", type=int, default=1, help="of the damage (default: 1)")
    parser.add_argument("--results", type=Path, default=record.RESULTS, help="folder of the JSON file")
    options = parser.parse_args(arguments)
    start_s = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        found = soak(Path(temporary), options.files, options.seed)
    print(json.dumps(found, indent=1))
    record.write("faults-media", found | {"seed": options.seed, "seconds": time.monotonic() - start_s}, options.results)
    raise SystemExit(f"{len(found['silent'])} silent" if found["silent"] else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
