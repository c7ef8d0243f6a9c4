"""What --compile is worth on the device."""

import time

import torch

from benchmarks.networks import SUBJECTS
from benchmarks.on_gpu.common import Options, Out, timed_ms, wait
from benchmarks.on_gpu.networks import USUAL_BATCH, ready
from utils.nn.prepare import ComputeMode

COMPILE_S = 25  # that a network needs


def measure(out: Out, options: Options) -> None:
    """Measure compiled networks in bf16."""
    for name in () if options.tiny else ("i3d_rgb", "swin"):
        if out.left_s() < COMPILE_S:
            return
        with out.guarded(name=name), torch.inference_mode():
            compute, device = ComputeMode("bf16", compile=True), options.torch_device
            work = ready(SUBJECTS[name].make(), SUBJECTS[name], compute, USUAL_BATCH, device)
            start = time.perf_counter()
            work()
            wait(device)
            compile_s = time.perf_counter() - start
            row = {"batch": USUAL_BATCH, "compile_s": compile_s, "compiled_ms": timed_ms(work, device, 3, 3)}
            out.row(name=name, precision="bf16", **row)
