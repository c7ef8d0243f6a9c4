"""Which kernels take a network's time on the device, how many are launched, and how long the device idles."""

import time

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.networks import SUBJECTS
from benchmarks.on_gpu.common import Options, Out, wait
from benchmarks.on_gpu.networks import drawn, ready
from utils.nn.prepare import ComputeMode

ORDER = [  # network, precision, batch
    ("i3d_rgb", "bf16", 8),
    ("pwc", "bf16", 64),
    ("raft", "bf16", 16),
    ("slowfast", "bf16", 8),
    ("swin", "bf16", 8),
    ("clip", "bf16", 128),
    ("i3d_rgb", "auto", 8),
    ("resnet50", "bf16", 128),
]
MOST_KERNELS = 10  # that are listed


def measure(out: Out, options: Options) -> None:
    """Profile one call of each network."""
    order = [("vggish", "float32", 1)] if options.tiny else [one for one in ORDER if options.wants(*one[:2])]
    made = drawn({name for name, *_ in order})
    for name, precision, batch in order:
        if out.left_s() < 3:
            out.row(name=name, precision=precision, error="no time left")
            continue
        with out.guarded(name=name, precision=precision), torch.inference_mode():
            work = ready(made[name], SUBJECTS[name], ComputeMode(precision), batch, options.torch_device)
            for _ in range(2):
                work()
            wait(options.torch_device)
            activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if options.on_gpu else [])]
            with profile(activities=activities) as trace:
                start = time.perf_counter()
                work()
                wait(options.torch_device)
                wall_ms = 1000 * (time.perf_counter() - start)
            _write(out, trace, wall_ms, options, {"name": name, "precision": precision})


def _write(out: Out, trace: profile, wall_ms: float, options: Options, what: dict[str, str]) -> None:
    """Write a row of sums, and one for each of the kernels that take most."""
    kernels: dict[str, list[float]] = {}
    for event in trace.events() or ():
        is_kernel = event.device_type.name == "CUDA" if options.on_gpu else not event.cpu_parent
        if is_kernel:
            kernels.setdefault(event.name[:110], []).append(event.time_range.elapsed_us() / 1000)
    total_ms = sum(map(sum, kernels.values()))
    n_kernels = sum(map(len, kernels.values()))
    row = {"wall_ms": wall_ms, "kernels_ms": total_ms, "n_kernels": n_kernels}
    out.row(**what, **row, device_idle_share=1 - total_ms / wall_ms)
    for kernel, times_ms in sorted(kernels.items(), key=lambda item: -sum(item[1]))[:MOST_KERNELS]:
        out.row(**what, kernel=kernel, n=len(times_ms), kernel_ms=sum(times_ms), share=sum(times_ms) / total_ms)
