"""The machine: versions, the driver's libraries, matrix and memory rates, what a kernel's launch costs."""

import ctypes
import os
import shutil
import subprocess
import threading

import numpy as np
import torch

from benchmarks import limits, record
from benchmarks.on_gpu.common import Options, Out, timed, timed_ms
from utils.engines import devices

LIBRARIES = ("libcuda.so.1", "libnvcuvid.so.1", "libnvidia-ml.so.1")
TOOLS = ("gcc", "g++", "nvcc", "ffmpeg")
CHUNK_BYTES = 16 * 256 * 340 * 3
N_LAUNCHES, N_THREADS = 1000, 8


def measure(out: Out, options: Options) -> None:
    """Measure the machine."""
    _versions(out)
    if options.on_gpu:
        _gpu(out, options)
    if options.tiny:
        limits.SIDE = {"cpu": 256, "cuda": 256}
        limits.COPY_BYTES = {"cpu": 1 << 20, "cuda": 1 << 20}
    repeats = 1 if options.tiny else 5
    for name, rate in limits.matrix_rates(options.device, repeats).items():
        out.row(name="matmul", precision=name, tflop_per_s=rate / 1000)
    out.row(name="copy in memory", gb_per_s=limits.bandwidth(options.device, repeats))
    if options.on_gpu:
        _copies(out, options.torch_device)
        _launches(out, options.torch_device)


def _versions(out: Out) -> None:
    opened: dict[str, str] = {}
    for library in LIBRARIES:
        try:
            ctypes.CDLL(library)
            opened[library] = "opens"
        except OSError as error:
            opened[library] = str(error)[:80]
    tools = {tool: shutil.which(tool) for tool in TOOLS}
    cores = {"cores": os.cpu_count(), "usable_cores": devices.n_cores()}
    out.row(name="versions", **record.versions(), commit=record.git_commit(), libraries=opened, tools=tools, **cores)
    out.row(name="GPUs", by_the_driver=devices.n_gpus(), by_torch=torch.cuda.device_count())


def _gpu(out: Out, options: Options) -> None:
    with out.guarded(name="nvidia-smi"):
        done = subprocess.run(["nvidia-smi"], capture_output=True, text=True)
        (options.out / "nvidia-smi.txt").write_text(done.stdout)
    found = torch.cuda.get_device_properties(options.torch_device)
    out.row(name=found.name, memory_gib=found.total_memory / 2**30, cudnn=torch.backends.cudnn.version())
    out.row(name="bf16", supported=torch.cuda.is_bf16_supported(including_emulation=False))


def _copies(out: Out, device: torch.device) -> None:
    """Measure copies between host and device of 16 chunks, and what pinning a chunk costs."""
    pageable, target = (torch.empty(16 * CHUNK_BYTES, dtype=torch.uint8, device=where) for where in ("cpu", device))
    for name, host in (("pinned", pageable.pin_memory()), ("pageable", pageable)):
        up = timed(lambda host=host: target.copy_(host, non_blocking=True), device)
        down = timed(lambda host=host: host.copy_(target), device)
        to_device, to_host = (16 * CHUNK_BYTES / seconds / 1e9 for seconds in (up, down))
        out.row(name=f"copy, {name}", to_device_gb_per_s=to_device, to_host_gb_per_s=to_host)
    out.row(
        name="pinning a chunk of 16 frames of 340x256", pinning_ms=timed_ms(pageable[:CHUNK_BYTES].pin_memory, device)
    )


def _launches(out: Out, device: torch.device) -> None:
    """Measure what a launch takes of the host, alone and beside threads that hold the interpreter as decoding does."""
    values, ended = torch.zeros(64, device=device), threading.Event()

    def launch() -> None:
        for _ in range(N_LAUNCHES):
            values.add_(1)

    def beside() -> None:
        block = np.zeros((256, 340, 3), np.uint8)
        while not ended.is_set():
            block.copy()

    alone = timed(launch, device)
    for _ in range(N_THREADS):
        threading.Thread(target=beside, daemon=True).start()
    busy = timed(launch, device)
    ended.set()
    us = {"alone_us": 1e6 * alone / N_LAUNCHES, "beside_8_threads_us": 1e6 * busy / N_LAUNCHES}
    out.row(name="launch of a kernel", **us)
