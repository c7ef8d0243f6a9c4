"""main.py on real clips: the device against the CPU."""

import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from support.golden import relative_error

from benchmarks.on_gpu.common import ROOT, TOLERANCE, Options, Out

I3D = ("--feature_type", "i3d", "--stack_size", "16", "--step_size", "16")
AGAINST_CPU = {  # flags; short, since the CPU does them too
    "i3d rgb": (*I3D, "--streams", "rgb"),
    **{name: ("--feature_type", name) for name in ("r21d", "s3d", "clip", "resnet", "slowfast", "tsn", "vggish")},
    "i3d rgb + pwc": I3D,
    "i3d raft": (*I3D[:-1], "64", "--streams", "flow", "--flow_type", "raft"),
    "pwc": ("--feature_type", "pwc", "--side_size", "128"),
    "resnet, --decode fast": ("--feature_type", "resnet", "--decode", "fast"),
    "slowfast and vggish": ("--feature_type", "slowfast", "vggish"),
    "swin": ("--feature_type", "swin", "--crop_type", "center"),
}


@dataclass(frozen=True)
class RunResult:
    """A run of main.py: its seconds, arrays by file name, and what went wrong."""

    seconds: float
    arrays: dict[str, np.ndarray]
    wrong: str

    def worst_error(self, reference: "RunResult") -> float:
        """Return the largest relative error of a file; infinite where one is missing."""
        errors = [relative_error(self.arrays.get(name, np.empty(0)), x) for name, x in reference.arrays.items()]
        return max(errors, default=float("inf"))


def run_main(folder: Path, device: str, *flags: str, timeout_s: float, precision: str = "float32") -> RunResult:
    """Run main.py with random weights."""
    command = [sys.executable, str(ROOT / "main.py"), "--weights", "random", "--device", device, "--quiet"]
    command += ["--precision", precision, "--output_path", str(folder), "--on_extraction", "save_numpy", *flags]
    start = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, cwd=ROOT)
        wrong = "" if done.returncode == 0 else f"exit {done.returncode}: {done.stderr[-400:]} {done.stdout[-200:]}"
    except subprocess.TimeoutExpired:
        wrong = f"longer than {timeout_s:.0f} s"
    seconds = time.perf_counter() - start
    return RunResult(seconds, {path.name: np.load(path) for path in folder.rglob("*.npy")}, wrong)


def with_sound(clips: list[Path]) -> list[Path]:
    """Return the clips that have sound."""
    kept = []
    for clip in clips:
        with av.open(str(clip)) as container:
            if container.streams.audio:
                kept.append(clip)
    return kept


def measure(out: Out, options: Options) -> None:
    """Compare the device with the CPU; several at once, since nothing is measured."""
    clip = min(with_sound(options.clips()), key=lambda path: path.stat().st_size)
    names = ("vggish",) if options.tiny else AGAINST_CPU
    end = ("--max_seconds", "2" if options.tiny else "6", "--video_paths", str(clip))

    def one(name: str, device: str) -> RunResult:
        folder = options.scratch / "runs" / device / name.replace(" ", "_")
        return run_main(folder, device, *AGAINST_CPU[name], *end, timeout_s=max(10, out.left_s()))

    n_at_once = 3 if options.on_gpu else 1
    with ThreadPoolExecutor(n_at_once) as on_cpu, ThreadPoolExecutor(4) as on_device:
        expected = {name: on_cpu.submit(one, name, "cpu") for name in names}
        found = {name: on_device.submit(one, name, "cuda") if options.on_gpu else expected[name] for name in names}
        with ThreadPoolExecutor(len(names)) as waiting:
            for name in names:
                waiting.submit(_compare, out, name, found[name], expected[name])


def _compare(out: Out, name: str, found: Future[RunResult], expected: Future[RunResult]) -> None:
    """Write a row once both have run."""
    with out.guarded(name=name):
        ours, reference = found.result(), expected.result()
        if wrong := ours.wrong or reference.wrong:
            out.row(name=name, error=wrong)
            return
        error = ours.worst_error(reference)
        seconds = {"seconds": ours.seconds, "cpu_seconds": reference.seconds}
        out.row(name=name, relative_error=error, **seconds, ok=error < TOLERANCE)
