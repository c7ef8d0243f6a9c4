"""Which devices a run uses."""

import ctypes.util
import os

from utils.config.run import RunConfig
from utils.errors import UserError


def n_gpus() -> int:
    """Return how many GPUs this program may use.

    Without the driver's library there are none, and torch, whose import takes seconds, is not asked.
    """
    if ctypes.util.find_library("cuda") is None:
        return 0
    import torch

    return torch.cuda.device_count()


def choose(run: RunConfig) -> tuple[list[str], str]:
    """Return one device name per worker, and a line about the choice if the user did not make it.

    Raises:
        UserError: a GPU was asked for that is not there.
    """
    if run.device == "cpu":
        return ["cpu"] * run.num_workers, ""
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
        return _workers(run.device_ids, run.num_workers), ""
    if available:
        note = f"using every visible GPU ({existing}); choose with --device_ids"
        return _workers(list(range(available)), run.num_workers), note
    return ["cpu"] * run.num_workers, "no GPU found: using the CPU"


def _workers(device_ids: list[int], per_gpu: int) -> list[str]:
    return [f"cuda:{index}" for index in dict.fromkeys(device_ids) for _ in range(per_gpu)]


def n_cores() -> int:
    """Return the cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_per_worker(devices: list[str]) -> int:
    """Return the threads that each worker's arithmetic gets, so that all workers together fill the cores."""
    return max(1, n_cores() // len(devices))


def decode_threads(run: RunConfig, devices: list[str]) -> int:
    """Return how many videos each worker decodes at once."""
    if run.decode_threads is not None:
        return run.decode_threads
    most = 2 if devices[0] == "cpu" else 8  # a CPU's cores are busy with the network
    return min(most, threads_per_worker(devices))
