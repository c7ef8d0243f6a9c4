"""NVDEC through PyAV: by which way does it open, are its planes those of the CPU, how many frames per second."""

import ctypes
import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import torch
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.logging import restore_default_callback

from benchmarks.on_gpu.common import ROOT, Options, Out
from utils.media.limits import DEFAULT_LIMITS
from utils.media.nvdec import accelerator, open_on_gpu
from utils.media.segment import WHOLE
from utils.media.view import View
from utils.worker.open_frames import CHUNK_FRAMES

N_COMPARED = 8  # frames
TRY_S = 30  # for a process that tries one way
THREADS = (1, 4, 8, 16)
BLOCKING_SYNC = 4  # CU_CTX_SCHED_BLOCKING_SYNC, which FFmpeg wants of a primary context
OURS = "the current context"


def measure(out: Out, options: Options) -> None:
    """Try each way, each in its own process and all at once; then compare and measure each clip with ours."""
    out.row(name="PyAV", version=av.__version__, devices=hwdevices_available())
    if not options.on_gpu:
        return
    with ThreadPoolExecutor(len(WAYS)) as pool:
        for way, found in zip(WAYS, pool.map(lambda way: _tried(way, options.clips()[0]), WAYS), strict=True):
            out.row(name=way, **found, **({"ok": found["works"]} if way == OURS else {}))
    for clip in options.clips():
        if out.left_s() < 5:
            return
        with out.guarded(name=clip.name):
            expected, found = _luma(clip, None), _luma(clip, _ours())
            equal = sum(map(np.array_equal, expected, found))
            out.row(name=clip.name, equal=equal, of=len(expected), ok=equal == len(expected))
            for work in (_decode, _convert):
                rates = {f"{n}_threads": round(_rate(clip, n, work)) for n in THREADS if out.left_s() > 3}
                out.row(name=f"{clip.name} {work.__name__[1:]}", frames_per_s=max(rates.values(), default=0), **rates)


def _tried(way: str, clip: Path) -> dict[str, Any]:
    """Return what a way gives, or why it gives nothing."""
    command = [sys.executable, "-m", "benchmarks.on_gpu.nvdec", way, str(clip)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TRY_S)
    except subprocess.TimeoutExpired:
        return {"works": False, "why": "out of time"}
    if done.returncode:
        return {"works": False, "code": done.returncode, "why": done.stderr[-1500:]}
    return json.loads(done.stdout.splitlines()[-1])


def _ours() -> HWAccel:
    torch.zeros(1, device="cuda")  # makes PyTorch's context current in this thread
    return accelerator(0)


def _primary_flagged_first() -> HWAccel:
    _set_flags()
    torch.zeros(1, device="cuda")
    return HWAccel("cuda", device=0, is_hw_owned=True)


def _primary_flagged_late() -> HWAccel:
    torch.zeros(1, device="cuda")
    _set_flags()
    return HWAccel("cuda", device=0, is_hw_owned=True)


def _separate() -> HWAccel:
    torch.zeros(1, device="cuda")
    return HWAccel("cuda", device=0)


WAYS: dict[str, Callable[[], HWAccel]] = {
    OURS: _ours,
    "the primary context, flags set before PyTorch": _primary_flagged_first,
    "the primary context, flags set after PyTorch": _primary_flagged_late,
    "a separate context, frames copied to the host": _separate,
}


def _set_flags() -> None:
    """Give the primary context of the first GPU the flags that FFmpeg wants."""
    cuda = ctypes.CDLL("libcuda.so.1")
    cuda.cuInit(0)
    if code := cuda.cuDevicePrimaryCtxSetFlags_v2(0, BLOCKING_SYNC):
        raise RuntimeError(f"cuDevicePrimaryCtxSetFlags: {code}")


def _luma(clip: Path, hardware: HWAccel | None) -> list[np.ndarray]:
    """Return the Y planes of the first frames."""
    planes: list[np.ndarray] = []
    with av.open(str(clip), hwaccel=hardware) as container:
        for frame in container.decode(video=0):
            plane = cast(Any, frame.planes[0])  # a buffer, which its type does not say
            if (
                frame.format.name == "cuda"
            ):  # a capsule, since PyAV takes no stream: torch.from_dlpack(plane) passes one
                planes.append(torch.from_dlpack(plane.__dlpack__()).cpu().numpy())
            else:
                rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
                planes.append(rows[: frame.height, : frame.width].copy())
            if len(planes) == N_COMPARED:
                break
    return planes


def _rate(clip: Path, n_threads: int, work: Callable[[Path], int]) -> float:
    """Return the frames per second that so many threads get."""
    start = time.perf_counter()
    with ThreadPoolExecutor(n_threads) as pool:
        n_frames = sum(pool.map(work, [clip] * n_threads))
    torch.cuda.synchronize()
    return n_frames / (time.perf_counter() - start)


def _decode(clip: Path) -> int:
    """Decode alone."""
    with av.open(str(clip), hwaccel=_ours()) as container:
        container.streams.video[0].thread_count = 1
        return sum(1 for _ in container.decode(video=0))


def _convert(clip: Path) -> int:
    """Decode and convert to RGB, as `--decode gpu` does."""
    stream = open_on_gpu(clip, 0, (View(),), WHOLE, DEFAULT_LIMITS, CHUNK_FRAMES["cuda"])
    if isinstance(stream, str):
        raise RuntimeError(stream)
    with stream:
        return sum(len(frames.pixels) for frames in stream)


def _try(way: str, clip: Path) -> None:
    """Print what a way gives; FFmpeg says on stderr what fails."""
    restore_default_callback()
    start = time.perf_counter()
    hardware = WAYS[way]()
    setup_s = time.perf_counter() - start
    found = _luma(clip, hardware)
    first_s = time.perf_counter() - start - setup_s
    with av.open(str(clip), hwaccel=hardware) as container:
        kind = next(container.decode(video=0)).format.name
    equal = sum(map(np.array_equal, _luma(clip, None), found))
    works = equal == N_COMPARED and kind != "yuv420p"  # which only the CPU's decoder gives
    values = {"works": works, "equal": equal, "frames": kind, "setup_s": setup_s, "first_s": first_s}
    print(json.dumps(values))


if __name__ == "__main__":
    _try(sys.argv[1], Path(sys.argv[2]))
