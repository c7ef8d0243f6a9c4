"""NVDEC through PyAV: is it there, does it give the planes of the CPU's decoder, how many frames per second."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import torch
from av.codec.hwaccel import HWAccel, hwdevices_available

from benchmarks.on_gpu.common import Options, Out

N_COMPARED = 8  # frames


def measure(out: Out, options: Options) -> None:
    """Compare and measure each clip."""
    out.row(name="PyAV", version=av.__version__, devices=hwdevices_available())
    if not options.on_gpu:
        return
    torch.zeros(1, device="cuda")  # PyTorch's context comes first; NVDEC joins it
    for clip in options.clips():
        if out.left_s() < 5:
            return
        with out.guarded(name=clip.name):
            expected = _luma(clip, None)
            found = _luma(clip, _on_gpu())
            equal = sum(map(np.array_equal, expected, found))
            row = {f"frames_per_s_{n}_threads": round(_rate(clip, n)) for n in (1, 4, 8, 16) if out.left_s() > 3}
            out.row(name=clip.name, equal=equal, of=len(expected), ok=equal == len(expected), **row)


def _on_gpu() -> HWAccel:
    return HWAccel("cuda", device="0", is_hw_owned=True, allow_software_fallback=False)


def _luma(clip: Path, accelerator: HWAccel | None) -> list[np.ndarray]:
    """Return the Y planes of the first frames."""
    planes: list[np.ndarray] = []
    with av.open(str(clip), hwaccel=accelerator) as container:
        for frame in container.decode(video=0):
            if accelerator is None:
                plane = cast(Any, frame.planes[0])  # a buffer, which its type does not say
                rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
                planes.append(rows[: frame.height, : frame.width].copy())
            else:  # a capsule: PyAV takes no stream, which torch.from_dlpack(plane) would hand over
                luma = torch.from_dlpack(frame.planes[0].__dlpack__())
                torch.cuda.synchronize()
                planes.append(luma[: frame.height, : frame.width].cpu().numpy())
            if len(planes) == N_COMPARED:
                break
    return planes


def _rate(clip: Path, n_threads: int) -> float:
    """Return the frames per second that so many threads get."""

    def decode(_: int) -> int:
        with av.open(str(clip), hwaccel=_on_gpu()) as container:
            return sum(1 for _ in container.decode(video=0))

    start = time.perf_counter()
    with ThreadPoolExecutor(n_threads) as pool:
        return sum(pool.map(decode, range(2 * n_threads))) / (time.perf_counter() - start)
