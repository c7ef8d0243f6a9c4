"""Overhead per video, and how many workers one main process keeps busy.

    python -m benchmarks.scaling --videos 10000 --workers 1 8 --pause_s 0.02

Tiny videos go through the feature type `simulated`, whose device sleeps for a given time per frame. Start-up time,
measured by a run on one video per worker, is subtracted. Efficiency is the share of the time that the devices are busy.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import record
from benchmarks.tiny_videos import write_videos

ROOT = Path(__file__).parent.parent
N_FRAMES = 2


def run_s(videos: Path, output: Path, n_videos: int, n_workers: int, pause_s: float, kind: str) -> tuple[float, float]:
    """Run on the first `n_videos`; return the seconds, and the peak MiB of the main process."""
    command = [
        sys.executable, "-m", "benchmarks.simulated", "--feature_type", "simulated", "--pause_s", str(pause_s),
        "--device", "cpu", "--num_workers", str(n_workers), "--on_extraction", kind, "--output_path", str(output),
        "--video_list", str(videos), "--limit", str(n_videos), "--quiet", "--decode_threads", "1",
    ]  # fmt: skip
    start_s = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        peak_kib = 0
        while process.poll() is None:
            peak_kib = max(peak_kib, _peak_kib(process.pid))
            time.sleep(0.05)
    if process.returncode != 0:
        raise SystemExit(f"the run ended with exit code {process.returncode}")
    return time.perf_counter() - start_s, peak_kib / 1024


def _peak_kib(pid: int) -> int:
    with contextlib.suppress(OSError, StopIteration):  # the process may end meanwhile
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    return 0


def measure(folder: Path, n_videos: int, n_workers: int, pause_s: float, kind: str) -> dict[str, float]:
    """Return the figures for one number of workers."""
    listed = folder / "list.txt"
    start_up_s, _ = run_s(listed, folder / f"first-{n_workers}", n_workers, n_workers, pause_s, kind)
    total_s, peak_mib = run_s(listed, folder / f"out-{n_workers}", n_videos, n_workers, pause_s, kind)
    work_s = total_s - start_up_s
    counted = n_videos - n_workers
    return {
        "workers": n_workers,
        "start_up_s": round(start_up_s, 2),
        "seconds": round(total_s, 2),
        "videos_per_s": round(counted / work_s, 1),
        "overhead_ms": round(1000 * (work_s * n_workers / counted - N_FRAMES * pause_s), 3),
        "efficiency": round(counted * N_FRAMES * pause_s / n_workers / work_s, 3),
        "main_peak_mib": round(peak_mib, 1),
    }


def main(arguments: list[str]) -> None:
    """Measure each number of workers, print a table and save the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--videos", type=int, default=10_000, help="number of videos (default: 10000)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8], help="how many (default: 1 2 4 8)")
    parser.add_argument("--pause_s", type=float, default=0.02, help="seconds per frame, 2 per video (default: 0.02)")
    parser.add_argument("--on_extraction", default="save_npz", help="output format (default: save_npz)")
    parser.add_argument("--results", type=Path, default=record.RESULTS, help="folder of the JSON file")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        paths = write_videos(folder / "videos", options.videos, N_FRAMES)
        (folder / "list.txt").write_text("\n".join(map(str, paths)))
        rows = []
        for n_workers in options.workers:
            rows.append(measure(folder, options.videos, n_workers, options.pause_s, options.on_extraction))
            print(", ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    figures = {"videos": options.videos, "pause_s": options.pause_s, "on_extraction": options.on_extraction}
    record.write(f"scaling-{options.videos}", figures | {"rows": rows}, options.results)


if __name__ == "__main__":
    main(sys.argv[1:])
