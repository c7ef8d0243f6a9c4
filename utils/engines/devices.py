"""Which devices a run uses."""

import ctypes
import dataclasses
import os
import sys
from collections.abc import Iterable

from utils.config.run import RunConfig
from utils.config.schema import Config
from utils.errors import UserError
from utils.run.prepare import Resources

DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"


def n_gpus() -> int:
    """Return how many GPUs this program may use, as CUDA_VISIBLE_DEVICES says.

    The driver is asked, not torch, whose import takes seconds. By its file name it is also found where the linker's
    cache does not list it, as in containers that put its folder on LD_LIBRARY_PATH.
    """
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def choose(run: RunConfig) -> tuple[Resources, str]:
    """Return what the workers run on, and a line about the choice if the user did not make it.

    Raises:
        UserError: a GPU was asked for that is not there.
    """
    names, note = _names(run)
    n_threads = max(1, n_cores() // len(names))  # so that all workers together fill the cores
    return Resources(names, n_threads, decode_threads(run, names, n_threads)), note


def with_precision(run: RunConfig, resources: Resources) -> RunConfig:
    """Return the settings with --precision as it is recorded: auto is float32 but on NVIDIA's GPUs."""
    is_exact = run.precision == "auto" and not resources.devices[0].startswith("cuda")
    return dataclasses.replace(run, precision="float32") if is_exact else run


def check_decode(configs: Iterable[Config], resources: Resources) -> None:
    """Raise UserError if a feature type is to be decoded on a GPU that is not there."""
    if not resources.devices[0].startswith("cuda") and any(getattr(one, "decode", "") == "gpu" for one in configs):
        raise UserError("--decode gpu needs an NVIDIA GPU; without one use --decode exact")


def _names(run: RunConfig) -> tuple[tuple[str, ...], str]:
    """Return one device name per worker, and the line about the choice."""
    n_workers = run.num_workers or 1
    cpu = ("cpu",) * n_workers
    if run.device in ("cpu", "mps"):
        return (run.device,) * n_workers, ""
    available = n_gpus()
    existing = ", ".join(map(str, range(available))) or "none"
    for index in run.device_ids:
        if not 0 <= index < available:
            raise UserError(
                f"--device_ids {index}: no such GPU; existing ones: {existing}. Without a GPU use --device cpu"
            )
    if run.device == "cuda" and not available:
        raise UserError("--device cuda: there is no GPU here; use --device cpu")
    if run.device_ids:
        return _workers(run.device_ids, n_workers), ""
    if available:
        note = f"using every visible GPU ({existing}); choose with --device_ids"
        return _workers(list(range(available)), n_workers), note
    return cpu, "no GPU found: using the CPU"


def _workers(device_ids: list[int], per_gpu: int) -> tuple[str, ...]:
    return tuple(f"cuda:{index}" for index in dict.fromkeys(device_ids) for _ in range(per_gpu))


def n_cores() -> int:
    """Return the cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def decode_threads(run: RunConfig, names: tuple[str, ...], n_threads: int) -> int:
    """Return how many videos each worker decodes at once."""
    if run.decode_threads is not None:
        return run.decode_threads
    if names[0] == "cpu":  # its cores are busy with the network
        return min(2, n_threads)
    return max(1, n_threads - 1)  # one core launches the GPU's work
