"""Files of formats that few programs write: grey frames that get lighter, and a steady tone."""

import io
import struct
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from PIL import Image

LEVELS = (30, 70, 110, 150)  # of the frames of each video
TONE = 0.25  # the loudness of each sound
RATE = 8000


def grey_frames(height: int = 48, width: int = 64) -> np.ndarray:
    """Return the frames, uint8 [4, height, width, 3]."""
    return np.stack([np.full((height, width, 3), level, np.uint8) for level in LEVELS])


def samples(seconds: int = 2) -> bytes:
    """Return the tone as 16-bit samples, little-endian."""
    wave = np.sign(np.sin(np.arange(RATE * seconds) / 7 + 0.1)) * TONE * 32767
    return wave.astype("<i2").tobytes()


def write_grey(
    path: Path, container: str, codec: str, size: tuple[int, int] = (64, 48), pix_fmt: str = "yuv420p"
) -> Path:
    """Write the frames by one of FFmpeg's muxers."""
    with av.open(str(path), "w", format=container) as output:
        stream = cast(av.VideoStream, output.add_stream(codec, rate=25))
        (stream.width, stream.height), stream.pix_fmt = size, pix_fmt
        for number, pixels in enumerate(grey_frames(size[1], size[0])):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=pix_fmt)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


CUT = {  # suffix → demuxer's name, codec, layout of pixels and how many bytes a cut file lacks
    "apng": ("apng", "apng", "rgb24", 80),
    "mjpeg": ("mjpeg", "mjpeg", "yuvj420p", 2),
    "nut": ("nut", "mpeg4", "yuv420p", 60),
    "rm": ("rm", "rv20", "yuv420p", 60),
    "swf": ("swf", "flv", "yuv420p", 40),
    "y4m": ("yuv4mpegpipe", "wrapped_avframe", "yuv420p", 3000),
}


def write_cut_ones(folder: Path) -> None:
    """Write the frames as "whole_SUFFIX", and as "cut_SUFFIX" without the last bytes."""
    for suffix, (muxer, codec, pix_fmt, n_bytes) in CUT.items():
        whole = write_grey(folder / f"whole_{suffix}.{suffix}", muxer, codec, pix_fmt=pix_fmt)
        (folder / f"cut_{suffix}.{suffix}").write_bytes(whole.read_bytes()[:-n_bytes])


def jpegs(noise: int = 0) -> list[bytes]:
    """Return the frames as JPEG files. noise: most that is added to each pixel, which makes large files."""
    found, rng = [], np.random.default_rng(0)
    for pixels in grey_frames():
        buffer = io.BytesIO()
        noisy = pixels + rng.integers(0, noise, pixels.shape, np.uint8, endpoint=True)
        Image.fromarray(noisy).save(buffer, "JPEG", quality=95)
        found.append(buffer.getvalue())
    return found


def without_fragment(path: Path, number: int) -> Path:
    """Take a fragment of an MP4 file out of it, in place."""
    data = path.read_bytes()
    starts = [at - 4 for at in range(len(data)) if data.startswith(b"moof", at)]
    path.write_bytes(data[: starts[number]] + data[starts[number + 1] :])
    return path


def multipart_jpeg(*, lengths: bool, closed: bool) -> bytes:
    """Return the frames as a web camera sends them."""
    parts = []
    for data in jpegs():
        length = f"Content-Length: {len(data)}\r\n" if lengths else ""
        parts.append(f"--cam\r\nContent-Type: image/jpeg\r\n{length}\r\n".encode() + data + b"\r\n")
    return b"".join(parts) + (b"--cam--\r\n" if closed else b"")


def dhav() -> bytes:
    """Return the frames and the tone as cameras of Dahua record them (see FFmpeg's libavformat/dhav.c)."""
    tone, chunks = samples(), []
    for number, data in enumerate(jpegs()):
        description = struct.pack("<BBBB", 0x81, 0, 3, 2) + struct.pack("<B3xHH", 0x82, 64, 48)
        chunks.append(_dhav_chunk(0xFD, number, description, data))
        sound = struct.pack("<BBBB", 0x83, 1, 0x0C, 2)
        chunks.append(_dhav_chunk(0xF0, number, sound, tone[number * len(tone) // 4 : (number + 1) * len(tone) // 4]))
    return b"".join(chunks)


def _dhav_chunk(kind: int, number: int, description: bytes, data: bytes) -> bytes:
    length = 24 + len(description) + len(data) + 8
    date = (26 << 26) | (3 << 22) | (5 << 17)
    head = struct.pack("<4sBBBBIIIHBB", b"DHAV", kind, 0, 0, 0, number, length, date, 500 * number, len(description), 0)
    return head + description + data + struct.pack("<4sI", b"dhav", length)


def nist_sphere(seconds: int = 2) -> bytes:
    """Return the tone in the format of TIMIT."""
    data = samples(seconds)
    fields = (
        f"sample_count -i {len(data) // 2}", "sample_n_bytes -i 2", "channel_count -i 1", "sample_byte_format -s2 01",
        f"sample_rate -i {RATE}", "sample_coding -s3 pcm", "end_head",
    )  # fmt: skip
    header = "\n".join(("NIST_1A", "   1024", *fields)) + "\n"
    return header.encode().ljust(1024) + data


def wav(riff_size: int | None = None, data_size: int | None = None, kind: bytes = b"RIFF") -> bytes:
    """Return the tone as WAV, with these sizes in its header; None for the right ones."""
    data = samples()
    form = (
        b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16) + b"LIST" + struct.pack("<I4s", 4, b"INFO")
    )
    if kind == b"RF64":
        form = b"ds64" + struct.pack("<I28x", 28) + form
    riff_size = len(form) + 12 + len(data) if riff_size is None else riff_size
    data_size = len(data) if data_size is None else data_size
    return kind + struct.pack("<I4s", riff_size, b"WAVE") + form + b"data" + struct.pack("<I", data_size) + data


def caf_of_a_pipe() -> bytes:
    """Return the tone as CAF whose data chunk has no length."""
    data = np.frombuffer(samples(), "<i2").astype(">i2").tobytes()
    form = struct.pack(">d4sIIIII", RATE, b"lpcm", 0, 2, 1, 1, 16)
    start = struct.pack(">4sHH4sq", b"caff", 1, 0, b"desc", len(form)) + form
    return start + struct.pack(">4sqI", b"data", -1, 0) + data


def aiff(sound_bytes: int | None = None) -> bytes:
    """Return the tone as AIFF, with this many bytes of sound in its header; None for the right number."""
    data = np.frombuffer(samples(), "<i2").astype(">i2").tobytes()
    n_bytes = len(data) if sound_bytes is None else sound_bytes
    rate = struct.pack(">HQ", 16383 + 12, RATE << 51)  # of 80 bits; RATE has 13 of them
    common = b"COMM" + struct.pack(">IHIH", 18, 1, n_bytes // 2, 16) + rate
    form = b"FORM" + struct.pack(">I", 4 + len(common) + 16 + n_bytes) + b"AIFF"
    return form + common + b"SSND" + struct.pack(">III", 8 + n_bytes, 0, 0) + data


def au(sound_bytes: int | None = None) -> bytes:
    """Return the tone as AU, as `aiff` does."""
    data = np.frombuffer(samples(), "<i2").astype(">i2").tobytes()
    n_bytes = len(data) if sound_bytes is None else sound_bytes
    return struct.pack(">4sIIIII8x", b".snd", 32, n_bytes, 3, RATE, 1) + data
