"""What the parts share: options, rows of figures, timing, errors against a reference."""

import contextlib
import json
import statistics
import threading
import time
import traceback
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 1e-3  # of exact float32 on a GPU against a CPU
FATAL = 3  # exit code after a CUDA error, when nothing works any more


@dataclass(frozen=True)
class Options:
    """What the command line says.

    scratch: a folder that the parts share and that is removed. networks, precisions: which to measure; empty for all.
    """

    out: Path
    device: str
    media: Path | None
    tiny: bool
    scratch: Path
    networks: Sequence[str] = ()
    precisions: Sequence[str] = ()

    @property
    def torch_device(self) -> torch.device:
        """The device to measure on."""
        return torch.device(self.device)

    @property
    def on_gpu(self) -> bool:
        """Whether that is a GPU."""
        return self.device == "cuda"

    def wants(self, network: str, precision: str = "") -> bool:
        """Whether --networks and --precisions, where they are given, name these."""
        named = not self.networks or network in self.networks
        return named and (not precision or not self.precisions or precision in self.precisions)

    def clips(self) -> list[Path]:
        """Return the real clips, or the project's samples."""
        found = sorted(self.media.glob("*.mp4")) if self.media else []
        return found or sorted((ROOT / "sample").glob("*.mp4"))


class Out:
    """Rows of a part, written as they are known; and the seconds that it has left."""

    def __init__(self, folder: Path, part: str, seconds: float) -> None:
        self._folder, self._part, self._end = folder, part, time.monotonic() + seconds

    def row(self, **values: Any) -> None:
        """Write and print a row; floats have six digits."""
        short = {key: float(f"{value:.6g}") if isinstance(value, float) else value for key, value in values.items()}
        line = json.dumps({"part": self._part, **short}, default=str)
        with (self._folder / "gpu.jsonl").open("a") as file:
            file.write(line + "\n")
        print(line, flush=True)

    def rows(self, part: str) -> list[dict[str, Any]]:
        """Return what a part has written."""
        lines = (self._folder / "gpu.jsonl").read_text().splitlines()
        return [row for row in map(json.loads, lines) if row["part"] == part]

    def left_s(self) -> float:
        """Return the seconds that are left."""
        return self._end - time.monotonic()

    @contextlib.contextmanager
    def guarded(self, **what: Any) -> Generator[None, None, None]:
        """Note an error of the block as a row, and go on; end the process where nothing works after it."""
        try:
            yield
        except (Exception, SystemExit) as error:  # benchmarks.measured exits where a video fails
            if isinstance(error, SystemExit) and error.code == FATAL:
                raise
            self.row(**what, error=f"{type(error).__name__}: {str(error)[:300]}")
            with (self._folder / "gpu.log").open("a") as file:
                file.write(f"\n== {self._part} {what}\n{traceback.format_exc()}")
            if "CUDA error" in str(error):
                raise SystemExit(FATAL) from error


def wait(device: torch.device) -> None:
    """Wait until a GPU has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def timed(work: Callable[[], Any], device: torch.device, repeats: int = 5, inner: int = 1) -> float:
    """Return the median seconds of one `work`, `inner` of them between two waits, after one that is not measured."""
    work()
    seconds = []
    for _ in range(repeats):
        wait(device)
        start = time.perf_counter()
        for _ in range(inner):
            work()
        wait(device)
        seconds.append((time.perf_counter() - start) / inner)
    return statistics.median(seconds)


def timed_ms(work: Callable[[], Any], device: torch.device, repeats: int = 5, inner: int = 1) -> float:
    """Return the same in milliseconds."""
    return 1000 * timed(work, device, repeats, inner)


def cosine(ours: torch.Tensor, reference: torch.Tensor) -> float:
    """Return the cosine of the angle between two tensors."""
    a, b = (x.detach().double().flatten().cpu() for x in (ours, reference))
    return float((a @ b) / (a.norm() * b.norm()).clamp_min(1e-30))


class Busy:
    """Samples how busy the first GPU is while a `with` block runs."""

    def __init__(self, on: bool) -> None:
        self._samples: list[tuple[float, int, int, int]] = []  # when, shares of the GPU and its decoder, MiB
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True) if on else None

    def _sample(self) -> None:
        import pynvml  # pyright: ignore[reportMissingImports]  # only machines with GPUs have it

        pynvml.nvmlInit()
        gpu = pynvml.nvmlDeviceGetHandleByIndex(0)
        while not self._end.wait(0.05):
            decoder = 0
            with contextlib.suppress(pynvml.NVMLError):  # a part of a GPU does not say
                decoder = pynvml.nvmlDeviceGetDecoderUtilization(gpu)[0]
            busy, mib = pynvml.nvmlDeviceGetUtilizationRates(gpu).gpu, pynvml.nvmlDeviceGetMemoryInfo(gpu).used >> 20
            self._samples.append((time.perf_counter(), busy, decoder, mib))

    def __enter__(self) -> Self:
        if self._thread:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        if self._thread:
            self._thread.join()

    def result(self, start_s: float = 0.0, end_s: float = float("inf")) -> dict[str, int]:
        """Return the mean shares of time in which a kernel ran, or NVDEC, in percent, and the most memory used.

        start_s, end_s: by time.perf_counter, of the samples that count.
        """
        samples = [sample for when, *sample in self._samples if start_s <= when <= end_s]
        if not samples:
            return {}
        busy, decoder, mib = zip(*samples, strict=True)
        shares = {"gpu_busy_percent": busy, "decoder_busy_percent": decoder}
        return {name: round(statistics.mean(each)) for name, each in shares.items()} | {"gpu_memory_mib": max(mib)}
