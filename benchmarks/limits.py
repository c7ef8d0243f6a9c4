"""Limits of this machine: matrix products by precision, memory bandwidth, decoding speed per core.

    python -m benchmarks.limits [--device cuda] [--clips CLIP ...] [--repeats 7]

`benchmarks.networks` gives its rates as shares of these. Without --clips, synthetic ones of 340x256 to 3840x2160 pixels
are made and decoded.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

from benchmarks import record
from utils.media.video import VideoStream

SIDE = {"cpu": 2048, "cuda": 8192}  # of the square matrices
COPY_BYTES = {"cpu": 256 << 20, "cuda": 4 << 30}
SIZES = ((340, 256), (640, 360), (1920, 1080), (3840, 2160))  # width, height
N_FRAMES, FPS = 60, 30


def median_s(work: Callable[[], Any], device: str, repeats: int) -> float:
    """Return the median seconds of `work`, after an unmeasured warm-up."""
    seconds = []
    for _ in range(repeats + 1):
        _wait(device)
        start_s = time.perf_counter()
        work()
        _wait(device)
        seconds.append(time.perf_counter() - start_s)
    return statistics.median(seconds[1:])


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def matrix_rates(device: str, repeats: int) -> dict[str, float]:
    """Return the GFLOP/s of a square matrix product by --precision, and on a CPU of a convolution in oneDNN.

    PyTorch gives float32 products on a CPU to MKL, which is slow on some processors; convolutions go to oneDNN.
    """
    side = SIDE[device]
    first, second = (torch.randn(side, side, device=device) for _ in range(2))
    flop = 2 * side**3
    dtypes = {"float32": torch.float32, "bf16": torch.bfloat16}
    dtypes |= {"tf32": torch.float32, "fp16": torch.float16} if device == "cuda" else {}
    rates = {}
    for name, dtype in dtypes.items():
        torch.backends.cuda.matmul.allow_tf32 = name == "tf32"
        a, b = first.to(dtype), second.to(dtype)
        rates[name] = flop / median_s(lambda a=a, b=b: a @ b, device, repeats) / 1e9
    if device == "cpu":
        for name, dtype in dtypes.items():
            rates[f"{name} convolution"] = _convolution_rate(dtype, repeats)
    return {name: round(rate, 1) for name, rate in rates.items()}


def _convolution_rate(dtype: torch.dtype, repeats: int) -> float:
    """Return the GFLOP/s of I3D's convolution with the most work in a block: 128 → 192 channels, 3x3x3."""
    layout = torch.channels_last_3d
    x = torch.randn(1, 128, 32, 28, 28).to(dtype, memory_format=layout)
    weight = torch.randn(192, 128, 3, 3, 3).to(dtype, memory_format=layout)
    flop = 2 * x[0].numel() * 192 * 27
    with torch.inference_mode():
        return flop / median_s(lambda: torch.conv3d(x, weight, None, 1, 1), "cpu", repeats) / 1e9


def bandwidth(device: str, repeats: int) -> float:
    """Return the GB/s read and written by a copy within the device's memory."""
    source = torch.zeros(COPY_BYTES[device], dtype=torch.uint8, device=device)
    target = torch.ones_like(source)
    return round(2 * len(source) / median_s(lambda: target.copy_(source), device, repeats) / 1e9, 1)


def write_clip(path: Path, width: int, height: int) -> Path:
    """Write an H.264 clip of a moving, textured pattern; return its path."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (height // 8 + 8, width // 8 + 8, 3), np.uint8)
    texture = np.kron(coarse, np.ones((8, 8, 1), np.uint8))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "23", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for i in range(N_FRAMES):
            shift = i % 60
            frame = np.ascontiguousarray(texture[shift : shift + height, shift : shift + width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
        container.mux(stream.encode(None))
    return path


def decode_rates(clips: Iterable[Path], repeats: int) -> dict[str, float]:
    """Return the frames per second that one core decodes to RGB, by clip."""
    rates = {}
    for clip in clips:
        seconds, n_frames = [], 0
        for _ in range(repeats + 1):
            start_s = time.perf_counter()
            with VideoStream(clip, threads=1) as stream:
                n_frames = sum(len(chunk.pixels) for chunk in stream)
            seconds.append(time.perf_counter() - start_s)
        rates[clip.stem] = round(n_frames / statistics.median(seconds[1:]), 1)
    return rates


def main(arguments: list[str]) -> None:
    """Measure, print a table and save the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--clips", nargs="+", type=Path, default=[], help="clips to decode (default: synthetic ones)")
    parser.add_argument("--repeats", type=int, default=7, help="measured rounds (default: 7)")
    parser.add_argument("--results", type=Path, default=record.RESULTS, help="folder of the JSON file")
    options = parser.parse_args(arguments)
    rates, copied = matrix_rates(options.device, options.repeats), bandwidth(options.device, options.repeats)
    for name, rate in rates.items():
        print(f"{name:22} {rate:10.1f} GFLOP/s")
    print(f"{'memory copy':22} {copied:10.1f} GB/s")
    with tempfile.TemporaryDirectory() as folder:
        made = options.clips or [write_clip(Path(folder) / f"{w}x{h}.mp4", w, h) for w, h in SIZES]
        decoded = decode_rates(made, min(options.repeats, 3))
    for name, rate in decoded.items():
        print(f"{'decode ' + name:22} {rate:10.1f} frames/s per core")
    device = torch.cuda.get_device_name() if options.device == "cuda" else record.cpu_name()
    figures = {"device": device, "threads": torch.get_num_threads(), "gflop_per_s": rates}
    figures |= {"copy_gb_per_s": copied, "decode_frames_per_s": decoded}
    record.write(f"limits-{options.device}", figures, options.results)


if __name__ == "__main__":
    main(sys.argv[1:])
