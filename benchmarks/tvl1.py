"""Speed of TV-L1 on one thread against OpenCV's, and how far the two flows differ.

    python -m benchmarks.tvl1 [HxW ...] [--repeats 5] [--results benchmarks/results]

Needs a cv2 with OpenCV's contrib modules (opencv-contrib-python-headless in place of opencv-python). Rounds alternate
between the two, so that other load on the machine affects them alike; the ratio is that of the smallest CPU times.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from benchmarks import record
from models.tvl1.network import TVL1

OPTFLOW: Any = getattr(cv2, "optflow", None)  # of the contrib modules
SIZES = ("128x170", "256x340")


def pair(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return two frames of smooth noise, float32 [1, 3, H, W]; the second is the first, 1.03 times as large."""
    coarse = torch.rand(1, 1, height // 4, width // 4, generator=torch.Generator().manual_seed(0))
    sides = [(height, width), (round(1.03 * height), round(1.03 * width))]
    first, second = (torch.nn.functional.interpolate(coarse, side, mode="bicubic") for side in sides)
    top, left = (sides[1][0] - height) // 2, (sides[1][1] - width) // 2
    second = second[..., top : top + height, left : left + width]
    first, second = (frame.mul(255).round().clamp(0, 255).expand(1, 3, -1, -1) for frame in (first, second))
    return first, second


def seconds(run: Callable[[], Any]) -> float:
    """Return the CPU seconds of this thread."""
    start = time.thread_time()
    run()
    return time.thread_time() - start


def measure(height: int, width: int, repeats: int) -> dict[str, Any]:
    """Return the smallest times of both, in seconds per pair, and the median endpoint error in pixels."""
    network, frames = TVL1(), pair(height, width)
    grey = [frame[0, 0].byte().numpy() for frame in frames]

    def ours() -> np.ndarray:
        flow = network.between(network.encode(frames[0]), network.encode(frames[1]), (height, width))
        return flow[0].permute(1, 2, 0).numpy()

    def opencv() -> np.ndarray:
        return OPTFLOW.DualTVL1OpticalFlow_create().calc(*grey, None)

    with torch.inference_mode():
        error = np.linalg.norm(ours() - opencv(), axis=-1)
        rounds = [(seconds(ours), seconds(opencv)) for _ in range(repeats)]
    ours_s, opencv_s = (min(times) for times in zip(*rounds, strict=True))
    return {
        "size": f"{height}x{width}",
        "seconds": round(ours_s, 4),
        "opencv_seconds": round(opencv_s, 4),
        "ratio": round(opencv_s / ours_s, 2),
        "median_endpoint_error": round(float(np.median(error)), 5),
    }


def main(arguments: list[str]) -> None:
    """Measure, print a line per size and save the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sizes", nargs="*", default=SIZES, metavar="HxW", help=f"default: {' '.join(SIZES)}")
    parser.add_argument("--repeats", type=int, default=5, help="measured rounds (default: 5)")
    parser.add_argument("--results", type=Path, default=record.RESULTS, help="folder of the JSON file")
    options = parser.parse_args(arguments)
    if OPTFLOW is None:
        raise SystemExit("this cv2 has no contrib modules; install opencv-contrib-python-headless in its place")
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    rows = []
    for size in options.sizes:
        height, width = map(int, size.split("x"))
        rows.append(measure(height, width, options.repeats))
        print("  ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    record.write("tvl1", {"opencv": cv2.__version__, "rows": rows}, options.results)


if __name__ == "__main__":
    main(sys.argv[1:])
