"""main.py on the device with two workers, large batches and in every number format, against one worker in float32."""

from concurrent.futures import ThreadPoolExecutor, as_completed

import numpy as np

from benchmarks.on_gpu.common import Options, Out
from benchmarks.on_gpu.runs import RunResult, run_main, with_sound

I3D = ("--feature_type", "i3d")
ONE = "one worker"
RUNS = {  # precision, flags
    ONE: ("float32", I3D),
    "two workers": ("float32", (*I3D, "--num_workers", "2")),
    **{precision: (precision, I3D) for precision in ("auto", "bf16", "fp16")},
    "i3d raft, 64 pairs at once": ("float32", (*I3D, "--streams", "flow", "--flow_type", "raft")),
}
VGGISH = ("--feature_type", "vggish")
OF_A_TINY_RUN = {ONE: ("float32", VGGISH), "two workers": ("float32", (*VGGISH, "--num_workers", "2"))}
AGREE = 1e-6  # one worker and two, though cuDNN's search may choose other algorithms in each process


def measure(out: Out, options: Options) -> None:
    """Run all at once, since nothing is measured, on two clips: one for each worker."""
    runs = OF_A_TINY_RUN if options.tiny else RUNS
    clips = with_sound(options.clips()) if options.tiny else options.clips()
    end = ("--max_seconds", "2" if options.tiny else "6", "--video_paths", *map(str, clips[:2]))

    def one(name: str) -> RunResult:
        precision, flags = runs[name]
        folder = options.scratch / "workers" / name.replace(" ", "_")
        return run_main(folder, options.device, *flags, *end, precision=precision, timeout_s=max(5, out.left_s()))

    found: dict[str, RunResult] = {}
    with ThreadPoolExecutor(len(runs)) as pool:
        running = {pool.submit(one, name): name for name in runs}
        for done in as_completed(running):
            name = running[done]
            found[name] = done.result()
            _write(out, name, found[name])
            if ONE in found:
                for each in found if name == ONE else (name,):
                    _compare(out, each, found)


def _write(out: Out, name: str, ran: RunResult) -> None:
    finite = bool(ran.arrays) and all(np.isfinite(array.astype(np.float64)).all() for array in ran.arrays.values())
    out.row(name=name, seconds=ran.seconds, finite=finite, ok=finite and not ran.wrong, wrong=ran.wrong)


def _compare(out: Out, name: str, found: dict[str, RunResult]) -> None:
    if name != ONE and found[name].arrays.keys() == found[ONE].arrays.keys():
        error = found[name].worst_error(found[ONE])
        verdict = {"ok": error < AGREE} if name == "two workers" else {}
        out.row(name=f"{name} against one worker", relative_error=error, **verdict)
