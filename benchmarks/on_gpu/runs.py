"""main.py on real clips: the device against the CPU; then large batches, several workers and number formats."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from support.golden import relative_error

from benchmarks.on_gpu.common import ROOT, TOLERANCE, Options, Out

I3D_SHORT = ("--feature_type", "i3d", "--stack_size", "16", "--step_size", "16")
AGAINST_CPU = {  # flags; short, since the CPU does them too
    "i3d rgb": (*I3D_SHORT, "--streams", "rgb"),
    "i3d rgb + pwc": I3D_SHORT,
    "i3d raft": (*I3D_SHORT, "--streams", "flow", "--flow_type", "raft", "--step_size", "64"),
    "pwc": ("--feature_type", "pwc", "--side_size", "128"),
    "resnet, --decode fast": ("--feature_type", "resnet", "--decode", "fast"),
    "slowfast and vggish": ("--feature_type", "slowfast", "vggish"),
    "swin": ("--feature_type", "swin", "--crop_type", "center"),
    **{name: ("--feature_type", name) for name in ("slowfast", "clip", "resnet", "vggish", "tsn", "s3d", "r21d")},
}
ON_DEVICE = {
    "i3d raft, 64 pairs at once": ("--feature_type", "i3d", "--streams", "flow", "--flow_type", "raft"),
    "one worker": ("--feature_type", "i3d", "--streams", "rgb"),
    "two workers": ("--feature_type", "i3d", "--streams", "rgb", "--num_workers", "2"),
    "bf16": ("--feature_type", "i3d", "--precision", "bf16"),
    "fp16": ("--feature_type", "i3d", "--precision", "fp16"),
    "auto": ("--feature_type", "i3d", "--precision", "auto"),
}
AGREE = 1e-6  # one worker and two


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


def run_main(folder: Path, device: str, *flags: str, timeout_s: float) -> RunResult:
    """Run main.py with random weights, in exact float32 unless the flags say otherwise."""
    command = [sys.executable, str(ROOT / "main.py"), "--weights", "random", "--device", device, "--quiet"]
    command += ["--precision", "float32", "--output_path", str(folder), "--on_extraction", "save_numpy", *flags]
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
    """Compare the device with the CPU, then try on the device what only it does."""
    clip = min(with_sound(options.clips()), key=lambda path: path.stat().st_size)
    names = ("vggish",) if options.tiny else AGAINST_CPU
    end = ("--max_seconds", "2" if options.tiny else "6", "--video_paths", str(clip))

    def one(name: str, device: str) -> RunResult:
        folder = options.scratch / "runs" / device / name.replace(" ", "_")
        return run_main(folder, device, *AGAINST_CPU[name], *end, timeout_s=max(10, out.left_s()))

    n_at_once = 3 if options.on_gpu else 1
    with ThreadPoolExecutor(n_at_once) as on_cpu, ThreadPoolExecutor(2) as on_device:  # nothing is measured
        expected = {name: on_cpu.submit(one, name, "cpu") for name in names}
        found = {name: on_device.submit(one, name, "cuda") if options.on_gpu else expected[name] for name in names}
        for name in names:
            ours, reference = found[name].result(), expected[name].result()
            if wrong := ours.wrong or reference.wrong:
                out.row(name=name, error=wrong)
                continue
            error = ours.worst_error(reference)
            seconds = {"seconds": ours.seconds, "cpu_seconds": reference.seconds}
            out.row(name=name, relative_error=error, **seconds, ok=error < TOLERANCE)
    if options.on_gpu:
        _on_device(out, options)


def _on_device(out: Out, options: Options) -> None:
    clips, results = [str(clip) for clip in options.clips()], {}
    for name, flags in ON_DEVICE.items():
        if out.left_s() < 10:
            out.row(name=name, error="no time left")
            continue
        folder = options.scratch / "on_device" / name.replace(" ", "_")
        given = (*flags, "--max_seconds", "12", "--video_paths", *clips)
        ran = results[name] = run_main(folder, "cuda", *given, timeout_s=out.left_s())
        finite = bool(ran.arrays) and all(np.isfinite(array.astype(np.float64)).all() for array in ran.arrays.values())
        out.row(name=name, seconds=ran.seconds, finite=finite, ok=not ran.wrong and finite, wrong=ran.wrong)
    if {"one worker", "two workers"} <= results.keys():
        error = results["two workers"].worst_error(results["one worker"])
        out.row(name="two workers against one", relative_error=error, ok=error < AGREE)
