"""Small media files that tests make for themselves, with PyAV: frames, audio, and what can be odd about a file."""

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import OutputContainer


def moving_frames(n: int, height: int = 48, width: int = 64, seed: int = 0) -> np.ndarray:
    """Return smooth moving frames, uint8 [n, height, width, 3], each different from the others."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    t = np.arange(n)[:, None, None]
    frames = np.empty((n, height, width, 3), np.uint8)
    for channel in range(3):
        fx, fy, speed, phase = rng.uniform(0.05, 0.2, 4) * (1, 1, 2, 30)
        frames[..., channel] = np.round(127.5 + 100 * np.sin(fx * x + fy * y + speed * t + phase))
    return frames


def waveform(seed: int, seconds: float, rate: int) -> np.ndarray:
    """Return a mono waveform in [-1, 1], float32 [seconds * rate]: drifting tones in noise, as the golden cases use."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate)) / rate
    tones = sum(rng.uniform(0.05, 0.2) * np.sin(2 * np.pi * (f * t + 15 * t * t)) for f in rng.uniform(100, 4000, 6))
    return np.clip(tones + 0.02 * rng.standard_normal(t.size), -1, 1).astype(np.float32)


def write_clip(
    path: Path,
    frames: np.ndarray,
    fps: float | Fraction = 25,
    codec: str = "libx264",
    *,
    pix_fmt: str = "yuv420p",
    pts: Sequence[int] | None = None,
    audio: np.ndarray | None = None,
    audio_rate: int = 44100,
    audio_codec: str = "aac",
    options: dict[str, str] | None = None,
    muxer_options: dict[str, str] | None = None,
    tags: dict[str, int] | None = None,
    stream_tags: dict[str, str] | None = None,
) -> Path:
    """Write frames [n, H, W, 3] RGB as a video, and return its path; the suffix says which container.

    pts: presentation times in milliseconds instead of a constant rate. audio: float32 [n] or [n, channels].
    tags: colour attributes of the codec context. stream_tags: metadata of the video stream.
    """
    rate = Fraction(fps).limit_denominator(1001)
    with av.open(str(path), "w", options=muxer_options or {}) as container:
        video = cast(av.VideoStream, container.add_stream(codec, rate=rate, options=options or {}))
        video.width, video.height, video.pix_fmt = frames.shape[2], frames.shape[1], pix_fmt
        video.codec_context.thread_count = 1
        video.metadata.update(stream_tags or {})
        time_base = Fraction(1, 1000) if pts is not None else 1 / rate
        video.codec_context.time_base = time_base
        for name, value in (tags or {}).items():
            setattr(video.codec_context, name, value)
        stream = _audio_stream(container, audio, audio_rate, audio_codec) if audio is not None else None
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=pix_fmt)
            for name, value in (tags or {}).items():
                setattr(frame, name, value)
            frame.pts, frame.time_base = (number if pts is None else pts[number]), time_base
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if audio is not None and stream is not None:
            _encode_audio(container, stream, audio, audio_rate)
    return path


def write_audio(path: Path, audio: np.ndarray, rate: int, codec: str = "pcm_s16le") -> Path:
    """Write audio alone, float32 or int16 [n] or [n, channels], and return its path."""
    with av.open(str(path), "w") as container:
        _encode_audio(container, _audio_stream(container, audio, rate, codec), audio, rate)
    return path


LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
ENCODER_OPTIONS = {"vorbis": {"strict": "experimental"}, "wmav2": {"b": "96000"}}  # FFmpeg's Vorbis takes two channels


def _audio_stream(container: OutputContainer, audio: np.ndarray, rate: int, codec: str) -> av.AudioStream:
    channels = 1 if audio.ndim == 1 else audio.shape[1]
    options = ENCODER_OPTIONS.get(codec, {})
    return cast(av.AudioStream, container.add_stream(codec, rate=rate, options=options, layout=LAYOUTS[channels]))


def _encode_audio(container: OutputContainer, stream: av.AudioStream, audio: np.ndarray, rate: int) -> None:
    audio = audio[:, None] if audio.ndim == 1 else audio
    kind = "s16" if audio.dtype == np.int16 else "flt"
    for start in range(0, len(audio), 1024):
        block = np.ascontiguousarray(audio[start : start + 1024]).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, format=kind, layout=LAYOUTS[audio.shape[1]])
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def remux(
    source: Path,
    path: Path,
    keep: Callable[[av.Packet, int], bool] = lambda packet, number: True,
    shift_s: Callable[[av.Packet], float] = lambda packet: 0.0,
    muxer_options: dict[str, str] | None = None,
) -> Path:
    """Copy a file's packets into another container, and return its path.

    keep: whether to copy a packet; called with its number in its stream. shift_s: seconds added to its times.
    """
    with av.open(str(source)) as old, av.open(str(path), "w", options=muxer_options or {}) as new:
        streams = {stream.index: new.add_stream_from_template(stream) for stream in old.streams}
        numbers = dict.fromkeys(streams, 0)
        for packet in old.demux():
            if not packet.size:
                continue
            numbers[packet.stream_index] += 1
            if not keep(packet, numbers[packet.stream_index] - 1):
                continue
            shift = round(shift_s(packet) / packet.time_base)
            packet.pts, packet.dts = (None if time is None else time + shift for time in (packet.pts, packet.dts))
            packet.stream = streams[packet.stream_index]
            new.mux(packet)
    return path


def join(path: Path, *parts: Path) -> Path:
    """Write the bytes of files one after the other, as `cat` does, and return the path."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def box(data: bytes | bytearray, name: bytes) -> int:
    """Return where the content of the first MP4 box of this name starts."""
    return data.index(name) + 4


def turn(path: Path, a: int, b: int, c: int, d: int) -> Path:
    """Give an MP4 file's first track a display matrix of these four signs, in place."""
    data = bytearray(path.read_bytes())
    start = box(data, b"tkhd") + 40
    one = 1 << 16
    data[start : start + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def hide_start(path: Path, hidden_s: float) -> Path:
    """Make the edit lists of an MP4 file hide its first seconds in every track, in place."""
    data = bytearray(path.read_bytes())
    timescale_movie = struct.unpack_from(">I", data, box(data, b"mvhd") + 12)[0]
    position = 0
    while (position := data.find(b"elst", position)) >= 0:
        position += 4
        entries = struct.unpack_from(">I", data, position + 4)[0]
        timescale = struct.unpack_from(">I", data, box(data[position:], b"mdhd") + position + 12)[0]
        duration, media_time = struct.unpack_from(">Ii", data, position + 8)
        if entries != 1:
            raise ValueError(f"{path}: {entries} edits, this helper knows one")
        shorter = duration - round(hidden_s * timescale_movie)
        struct.pack_into(">Ii", data, position + 8, shorter, media_time + round(hidden_s * timescale))
    path.write_bytes(data)
    return path


def cut(path: Path, fraction: float) -> Path:
    """Keep only the first part of a file's bytes, in place."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * fraction)])
    return path


def damage(path: Path, box_name: bytes, n_bytes: int, seed: int = 0) -> Path:
    """Flip bits of bytes spread over the content of an MP4 file's first box of this name, in place."""
    data = bytearray(path.read_bytes())
    start = box(data, box_name)
    size = struct.unpack_from(">I", data, start - 8)[0] - 8
    rng = np.random.default_rng(seed)
    for position in rng.integers(start + size // 4, start + size, n_bytes):
        data[position] ^= int(rng.integers(1, 256))
    path.write_bytes(data)
    return path


def add_clap(path: Path, width: int, height: int, x: int, y: int) -> Path:
    """Give the video of an MP4 file a clean aperture of this size around its centre plus (x, y), in place."""
    data = bytearray(path.read_bytes())
    clap = struct.pack(">I4sIIIIiIiI", 40, b"clap", width, 1, height, 1, x, 1, y, 1)
    entry = data.index(b"avc1", data.index(b"stsd")) - 4
    end = entry + struct.unpack_from(">I", data, entry)[0]
    data[end:end] = clap
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        at = data.index(name, data.index(b"moov")) - 4
        struct.pack_into(">I", data, at, struct.unpack_from(">I", data, at)[0] + len(clap))
    path.write_bytes(data)
    return path


def add_pixel_crop(path: Path, left: int, top: int, right: int, bottom: int) -> Path:
    """Make the video of a Matroska file be shown without these pixels at its sides, in place."""
    data = bytearray(path.read_bytes())
    names = (0x54CC, 0x54BB, 0x54DD, 0x54AA)
    crops = b"".join(
        struct.pack(">HBB", *crop) for crop in zip(names, [0x81] * 4, (left, top, right, bottom), strict=True)
    )
    at = 0
    for name in ("18538067", "1654ae6b", "ae", "e0"):  # segment, tracks, track, video
        while True:
            start = at + 9 - data[at].bit_length()
            n_bytes = 9 - data[start].bit_length()
            size = int.from_bytes(data[start : start + n_bytes])
            if data[at:start].hex() == name:
                break
            at = start + n_bytes + size - (1 << 7 * n_bytes)
        data[start : start + n_bytes] = (size + len(crops)).to_bytes(n_bytes)
        at = start + n_bytes
    data[at:at] = crops
    path.write_bytes(data)
    return path
