"""NVDEC through PyAV, in decode processes: are its frames those of the CPU, and how many come per second."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
from av.codec.hwaccel import hwdevices_available

from benchmarks.on_gpu.common import Options, Out
from utils.media.decode_process import DecodeProcess
from utils.media.limits import DEFAULT_LIMITS
from utils.media.segment import WHOLE
from utils.media.video import Frames, empty_bytes
from utils.media.view import View
from utils.worker.open_frames import CHUNK_FRAMES

N_PROCESSES = (1, 4, 8, 15)


def measure(out: Out, options: Options) -> None:
    """Compare and measure each clip."""
    out.row(name="PyAV", version=av.__version__, devices=hwdevices_available())
    if not options.on_gpu:
        return
    processes = [DecodeProcess() for _ in range(max(N_PROCESSES))]
    for clip in options.clips():
        if out.left_s() < 5:
            break
        with out.guarded(name=clip.name):
            ours, problems = _decoded(processes[0], clip, 0)
            expected, _ = _decoded(processes[0], clip, None)
            equal = all(np.array_equal(_samples(a), _samples(b)) for a, b in zip(ours, expected, strict=True))
            out.row(name=clip.name, equal=equal, problems=problems, ok=equal and not problems)
            for gpu, what in ((None, "CPU"), (0, "GPU")):
                rates = {f"{n}_processes": _rate(processes[:n], clip, gpu) for n in N_PROCESSES}
                out.row(name=f"{clip.name} {what}", frames_per_s=max(rates.values()), **rates)
    for process in processes:
        process.close()


def _decoded(process: DecodeProcess, clip: Path, gpu: int | None) -> tuple[list[Frames], list[str]]:
    """Return the chunks of a clip, and what the report says."""
    process.start(DEFAULT_LIMITS)
    given = (clip, (View(),), WHOLE, DEFAULT_LIMITS, empty_bytes, CHUNK_FRAMES["cuda"], True, gpu)
    with process.open(*given) as stream:
        return list(stream), stream.report.problems


def _samples(frames: Frames) -> np.ndarray:
    """Return the samples of planes, uint8 [n, h * 3 / 2, w], those of chroma in the order of NV12."""
    pixels, yuv = frames.pixels, frames.yuv
    if yuv is None or yuv.interleaved:
        return pixels
    n, rows, width = pixels.shape
    height = rows * 2 // 3
    chroma = pixels[:, height:].reshape(n, 2, height // 2, width // 2).transpose(0, 2, 3, 1)
    return np.concatenate([pixels[:, :height], chroma.reshape(n, height // 2, width)], axis=1)


def _rate(processes: list[DecodeProcess], clip: Path, gpu: int | None) -> int:
    """Return the frames per second that so many processes decode, which were started before."""

    def work(process: DecodeProcess) -> int:
        return sum(len(frames.pixels) for frames in _decoded(process, clip, gpu)[0])

    with ThreadPoolExecutor(len(processes)) as pool:
        list(pool.map(work, processes))
        start = time.perf_counter()
        n_frames = sum(pool.map(work, processes))
        return round(n_frames / (time.perf_counter() - start))
