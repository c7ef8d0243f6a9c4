"""Speed of decoding to RGB: PyAV as the program uses it, at several thread counts, against OpenCV.

    python -m benchmarks.decode CLIP [CLIP ...] [--threads 1 2] [--repeats 9] [--results benchmarks/results]

Each round times every reader once, so that other load on the machine affects them alike; compare the ratios of the
medians. The pixels of both are compared too.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from benchmarks import record
from utils.media.video import VideoStream

Reader = Callable[[Path], Iterator[np.ndarray]]


def opencv_frames(path: Path) -> Iterator[np.ndarray]:
    """Yield frames, uint8 [H, W, 3] RGB, as most programs read them."""
    reader = cv2.VideoCapture(str(path))
    while (read := reader.read())[0]:
        yield cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB)


def pyav_frames(threads: int) -> Reader:
    """Return a reader that yields the program's own frames, uint8 [H, W, 3] RGB."""

    def frames(path: Path) -> Iterator[np.ndarray]:
        with VideoStream(path, threads=threads) as stream:
            for chunk in stream:
                yield from chunk.pixels

    return frames


def largest_difference(path: Path) -> int:
    """Return the largest pixel difference between the two readers; 256 where the number or size of frames differs."""
    worst, ours = 0, pyav_frames(1)(path)
    for reference in opencv_frames(path):
        frame = next(ours, None)
        if frame is None or frame.shape != reference.shape:
            return 256
        worst = max(worst, int(np.abs(frame.astype(np.int16) - reference).max()))
    return worst if next(ours, None) is None else 256


def measure(path: Path, readers: dict[str, Reader], repeats: int) -> dict[str, list[tuple[float, float]]]:
    """Return (frames per second, CPU milliseconds per frame) of every round, by reader.

    The first, unmeasured round warms the file cache.
    """
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in readers}
    for repeat in range(repeats + 1):
        for name, frames in readers.items():
            start_s, start_cpu_s = time.perf_counter(), time.process_time()
            n_frames = sum(1 for _ in frames(path))
            cpu_s, wall_s = time.process_time() - start_cpu_s, time.perf_counter() - start_s
            if repeat:
                figures[name].append((n_frames / wall_s, cpu_s / n_frames * 1000))
    return figures


def summary(path: Path, figures: dict[str, list[tuple[float, float]]]) -> dict[str, Any]:
    """Return the results of a clip: its name, the largest pixel difference, and per reader median, spread and ratio."""
    readers = {}
    opencv_median = statistics.median(rate for rate, _ in figures["opencv"])
    for name, repeats in figures.items():
        rates = [rate for rate, _ in repeats]
        readers[name] = {
            "frames_per_s": round(statistics.median(rates), 1),
            "lowest": round(min(rates), 1),
            "highest": round(max(rates), 1),
            "ratio_to_opencv": round(statistics.median(rates) / opencv_median, 3),
            "cpu_ms_per_frame": round(statistics.median(cpu_ms for _, cpu_ms in repeats), 3),
        }
    return {"clip": path.name, "largest_pixel_difference": largest_difference(path), "readers": readers}


def main(arguments: list[str]) -> None:
    """Measure, print a table and save the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], help="PyAV thread counts (default: 1 2)")
    parser.add_argument("--repeats", type=int, default=9, help="measured rounds per clip (default: 9)")
    parser.add_argument("--results", type=Path, default=record.RESULTS, help="folder of the JSON file")
    options = parser.parse_args(arguments)
    readers: dict[str, Reader] = {"opencv": opencv_frames}
    readers |= {f"pyav, threads={n}": pyav_frames(n) for n in options.threads}
    clips = [summary(path, measure(path, readers, options.repeats)) for path in options.clips]
    for clip in clips:
        print(f"{clip['clip']}: largest pixel difference {clip['largest_pixel_difference']}")
        for name, of in clip["readers"].items():
            speed = f"{of['frames_per_s']:9.1f} frames/s  {of['ratio_to_opencv']:.2f} x opencv"
            print(f"  {name:16} {speed}  {of['cpu_ms_per_frame']:.3f} CPU ms/frame")
    libavcodec = ".".join(map(str, av.library_versions["libavcodec"]))
    record.write("decode", {"libavcodec": libavcodec, "repeats": options.repeats, "clips": clips}, options.results)


if __name__ == "__main__":
    main(sys.argv[1:])
