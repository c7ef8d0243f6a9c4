"""Whether `estimate` is right: its time for a list of mixed lengths over that of the run itself.

python -m benchmarks.estimate --clip sample/bouncing_shapes.mp4 -- --feature_type resnet --weights random --device cpu

Run it on a quiet machine; what else runs there changes from the estimate to the run.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def main() -> None:
    """Print one line per round, and the mean ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", required=True, help="a video of at least 6.5 s, of which segments are extracted")
    parser.add_argument("--videos", type=int, default=60)
    parser.add_argument("--sample", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("flags", nargs="+", help="of the extraction")
    options = parser.parse_args()
    ratios: list[float] = []
    for seed in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            flags = [*options.flags, "--video_list", str(_list(options.clip, options.videos, folder, seed))]
            flags += ["--output_path", f"{folder}/out", "--quiet"]
            sample = ["--json", "--seed", str(seed), "--sample", str(options.sample)]
            estimate = json.loads(_run("estimate", *flags, *sample))
            start_s = time.perf_counter()
            _run(*flags)
            real_s = time.perf_counter() - start_s
            written = sum(path.stat().st_size for path in Path(folder, "out").rglob("*") if path.is_file())
        value, low, high = (3600 * hours for hours in estimate["machines"][0]["hours"])
        ratios.append(value / real_s)
        print(
            f"estimate {value:.1f} s ({low:.1f} to {high:.1f}), run {real_s:.1f} s, ratio {ratios[-1]:.2f}; "
            f"bytes {estimate['bytes'][0] / written:.3f}; limit {estimate['limit']}",
            flush=True,
        )
    print(f"mean ratio {np.mean(ratios):.2f}, largest error {max(abs(ratio - 1) for ratio in ratios):.0%}")


def _list(clip: str, n_videos: int, folder: str, seed: int) -> Path:
    """Write a list of segments, most of them short."""
    lengths_s = np.random.default_rng(seed).lognormal(0.0, 0.9, n_videos).clip(0.2, 6.5)
    path = Path(folder, "list.csv")
    rows = [f"{Path(clip).absolute()},0,{length_s:.3f},{i}" for i, length_s in enumerate(lengths_s)]
    path.write_text("\n".join(["path,start_s,end_s,id", *rows]) + "\n")
    return path


def _run(*arguments: str) -> str:
    command = [sys.executable, "main.py", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
