"""Damaged media files: what is lost must be noticed.

    python -m benchmarks.faults_media --files 1000 --seed 1

Small files of 15 containers are damaged at random: blocks of bytes zeroed, cut out, swapped, bits flipped, the end cut
off, packets taken out. Each is decoded as a run decodes it, and compared with what PyAV finds packet by packet in the
healthy file. What comes of a stream:

- failed, partial, noted: the run says so (noted: `done`, with a problem in the manifest).
- equal: the frames or samples of the healthy file. The damage hit nothing, or another stream.
- altered: as many as in the healthy file, others than there, and neither a strict decoder (FFmpeg's err_detect explode)
  nor its flags show where: a flipped bit of raw sound, for one. Most codecs have no checksums.
- strict: altered, and a strict decoder alone refuses a packet. It refuses what some encoders write, too.
- shorter: a file without a stated length (MPEG-TS, MPEG-PS) that was cut off between two packets of a stream, or lacks
  its last packets.
- hidden: frames or samples that a damaged header of an MP4 or MP3 file hides, as the edit list or the padding of a
  healthy file may; all are there without it.
- silent: anything else, so fewer or damaged frames or samples that nothing was said about. There must be none.
"""

import argparse
import hashlib
import json
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.container import OutputContainer
from av.error import FFmpegError

from benchmarks import record
from benchmarks.damage import damaged
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
    "fragments.mp4": ("libx264", "aac", "movflags=frag_keyframe+delay_moov"),
    "matroska.mkv": ("libx264", "vorbis", ""),
    "web.webm": ("libvpx-vp9", "libopus", ""),
    "riff.avi": ("mpeg4", "libmp3lame", ""),
    "transport.ts": ("libx264", "aac", ""),
    "program.mpg": ("mpeg2video", "mp2", ""),
    "windows.wmv": ("wmv2", "wmav2", ""),
    "flash.flv": ("flv", "libmp3lame", ""),
    "broadcast.mxf": ("mpeg2video", "pcm_s16le", ""),
    "sound.ogg": ("", "libopus", ""),
    "sound.wav": ("", "pcm_s16le", ""),
    "sound.mp3": ("", "libmp3lame", ""),
    "sound.flac": ("", "flac", ""),
}
UNKNOWN_LENGTH = (".ts", ".mpg")
STRICT = {"err_detect": "crccheck+bitstream+buffer+careful+explode"}  # a decoder that checks all it can
WITHOUT_EDITS = {"ignore_editlist": "1"}  # of MP4 files
WITH_PADDING = {"flags2": "+skip_manual"}  # a decoder that leaves out nothing


@dataclass(frozen=True)
class DecodedStream:
    """A stream as a run decodes it: how many frames or samples, a digest of them, and what is said about it."""

    n: int
    content: str
    problems: list[str]
    partial: bool


@dataclass(frozen=True)
class Healthy:
    """A file before it is damaged, and its streams; None without one."""

    path: Path
    pictures: DecodedStream | None
    sound: DecodedStream | None


def write(folder: Path, name: str) -> Healthy:
    """Write the healthy file of a container, and count what is in it."""
    picture_codec, sound_codec, options = CONTAINERS[name]
    path = folder / name
    repeatable = {"fflags": "+bitexact"}  # without random numbers
    with av.open(str(path), "w", options=repeatable | dict([options.split("=", 1)] if options else ())) as container:
        video = None
        if picture_codec:
            video = cast(av.VideoStream, container.add_stream(picture_codec, rate=FPS, options={"g": "12"}))
        layout = "stereo" if sound_codec == "vorbis" else "mono"
        strict = {"strict": "experimental", "flags": "+bitexact"}  # FFmpeg's encoder of Vorbis is experimental
        audio = cast(av.AudioStream, container.add_stream(sound_codec, rate=RATE_HZ, layout=layout, options=strict))
        if sound_codec == "wmav2":  # without a usual one
            audio.bit_rate = 96000
        if video is not None:
            video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
            video.codec_context.thread_count = 1
        for second in range(SECONDS):
            if video is not None:
                _encode_pictures(container, video, second)
            _encode_sound(container, audio, second, layout)
        for stream in (video, audio):
            if stream is not None:
                container.mux(stream.encode(None))
    found = Healthy(path, pictures(path) if picture_codec else None, sound(path))
    for decoded, media_type in ((found.pictures, "video"), (found.sound, "audio")):
        if decoded and (decoded.problems or decoded.n < _count(path, media_type)):
            raise RuntimeError(f"{name}: {decoded.n} decoded of {_count(path, media_type)}, {decoded.problems}")
    return found


def _encode_pictures(container: OutputContainer, stream: av.VideoStream, second: int) -> None:
    rng = np.random.default_rng(second)
    ground = rng.integers(0, 255, (SIZE[1] // 4, SIZE[0] // 4, 3), np.uint8).repeat(4, 0).repeat(4, 1)
    for number in range(second * FPS, (second + 1) * FPS):
        frame = av.VideoFrame.from_ndarray(np.roll(ground, number, 1), format="rgb24").reformat(format="yuv420p")
        frame.pts = number
        container.mux(stream.encode(frame))


def _encode_sound(container: OutputContainer, stream: av.AudioStream, second: int, layout: str) -> None:
    t = np.arange(second * RATE_HZ, (second + 1) * RATE_HZ) / RATE_HZ
    samples = (8000 * np.sin(2 * np.pi * (300 + 40 * t) * t)).astype(np.int16)
    data = np.repeat(samples, 2) if layout == "stereo" else samples
    for start in range(0, RATE_HZ, 960):
        width = len(data) // RATE_HZ
        block = np.ascontiguousarray(data[start * width : (start + 960) * width]).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, format="s16", layout=layout)
        frame.sample_rate, frame.pts = RATE_HZ, second * RATE_HZ + start
        container.mux(stream.encode(frame))


def _count(path: Path, media_type: str, options: dict[str, str] | None = None) -> int:
    """Return how many frames or samples PyAV decodes, packet by packet. options: of the demuxer and the decoder."""
    with av.open(str(path), metadata_errors="replace", options=options) as container:
        stream = next(stream for stream in container.streams if stream.type == media_type)
        stream.codec_context.options = options or {}
        decoded = (frame for packet in container.demux(stream) for frame in packet.decode())
        return sum(frame.samples if isinstance(frame, av.AudioFrame) else 1 for frame in decoded)


def outcomes(path: Path, healthy: Healthy, kind: str) -> dict[str, str]:
    """Return what comes of each stream of a damaged file, see above. kind: how it was damaged."""
    found: dict[str, str] = {}
    for name, decode, expected in (
        ("pictures", pictures, healthy.pictures),
        ("sampled", sampled, healthy.pictures),
        ("sound", sound, healthy.sound),
    ):
        if expected is not None:
            media_type = "audio" if name == "sound" else "video"
            found[name] = _outcome(lambda decode=decode: decode(path), expected)
            if found[name] == "altered" and _shows_damage(path, media_type, STRICT):
                found[name] = "silent" if _shows_damage(path, media_type) else "strict"
            is_open = found[name] == "silent" and path.suffix in UNKNOWN_LENGTH
            if is_open and (kind == "ended" or _is_start(path, healthy.path, media_type)):
                found[name] = "shorter"
            if found[name] == "silent" and _hides(path, healthy.path, media_type):
                found[name] = "hidden"
    return found


def _is_start(path: Path, healthy: Path, media_type: str) -> bool:
    """Return whether a file has the packets of a healthy one at the same times, but for the last ones."""
    times = _times(path, media_type)
    return bool(times) and times == _times(healthy, media_type)[: len(times)]


def _times(path: Path, media_type: str) -> list[int]:
    with av.open(str(path), metadata_errors="replace") as container:
        stream = next(stream for stream in container.streams if stream.type == media_type)
        return sorted(packet.pts for packet in container.demux(stream) if packet.pts is not None and packet.size)


def _hides(path: Path, healthy: Path, media_type: str) -> bool:
    """Return whether all frames or samples of a healthy MP4 or MP3 are whole in a damaged one but for its header."""
    if path.suffix not in (".mp4", ".mov", ".mp3") or _shows_damage(path, media_type, STRICT):
        return False
    options = WITHOUT_EDITS | WITH_PADDING
    try:
        n_whole = _count(path, media_type, options)
    except FFmpegError:  # what is hidden is damaged, too
        return False
    return n_whole == _count(healthy, media_type, options)


def _outcome(decode: Callable[[], DecodedStream], expected: DecodedStream) -> str:
    try:
        decoded = decode()
    except VideoError:
        return "failed"
    if decoded.problems:
        return "partial" if decoded.partial else "noted"
    if decoded.n < expected.n:
        return "silent"
    return "equal" if decoded.content in ("", expected.content) else "altered"


def pictures(path: Path) -> DecodedStream:
    """Decode all frames."""
    digest, n = hashlib.md5(), 0
    with VideoStream(path) as stream:
        for chunk in stream:
            digest.update(chunk.pixels.tobytes())
            n += len(chunk.index)
        return DecodedStream(n, digest.hexdigest(), stream.report.problems, stream.report.partial)


def sampled(path: Path) -> DecodedStream:
    """Decode five frames of those counted, as types that place clips do."""
    report = VideoReport()
    n = len(frame_times_s(path, report=report))
    with VideoStream(path, wanted=[n * k // 5 for k in range(5)]) as stream:
        for _ in stream:
            pass
        report.take_over(stream.report)
    return DecodedStream(n, "", report.problems, report.partial)


def sound(path: Path) -> DecodedStream:
    """Decode all samples."""
    digest, n = hashlib.md5(), 0
    with AudioStream(path, RATE_HZ) as stream:
        for block in stream:
            digest.update(block.tobytes())
            n += len(block)
        return DecodedStream(n, digest.hexdigest(), stream.report.problems, stream.report.partial)


def _shows_damage(path: Path, media_type: str, options: dict[str, str] | None = None) -> bool:
    """Return whether a decoder with these options refuses a packet of a stream, or marks a frame as damaged."""
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            stream = next(stream for stream in container.streams if stream.type == media_type)
            stream.codec_context.options = options or {}
            frames = (frame for packet in container.demux(stream) for frame in packet.decode())
            return any(cast(av.VideoFrame | av.AudioFrame, frame).is_corrupt for frame in frames)
    except FFmpegError:
        return True


def soak(folder: Path, n_files: int, seed: int) -> dict[str, Any]:
    """Damage files; return how often each outcome came, and each silent one.

    Raises:
        RuntimeError: something is said about a healthy file, so that nothing could be learned from it.
    """
    healthy = [write(folder, name) for name in CONTAINERS]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    silent: list[str] = []
    for number in range(n_files):
        rng = random.Random(seed * 1_000_003 + number)
        original = healthy[number % len(healthy)]
        path = folder / f"{number:05d}{original.path.suffix}"
        kind = damaged(rng, original.path, CONTAINERS[original.path.name][2], path)
        found = outcomes(path, original, kind)
        counts[original.path.name].update(found.values())
        silent += [f"{number}: {original.path.name}, {kind}: {what}" for what in found if found[what] == "silent"]
        path.unlink()
    return {
        "files": n_files,
        "total": dict(sum(counts.values(), Counter[str]())),
        "outcomes": {name: dict(sorted(count.items())) for name, count in counts.items()},
        "silent": silent,
    }


def main(arguments: list[str]) -> None:
    """Damage, decode, print, keep the figures; the exit code says whether all was noticed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
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
