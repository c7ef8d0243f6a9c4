"""Running out of memory: which errors mean it, and how to try work that may not fit."""

from collections.abc import Callable
from typing import TypeVar

import torch

from utils.nn.graphs import drop_graphs

Result = TypeVar("Result")

MESSAGES = (  # in errors that have no type for it
    "out of memory",  # CUDA
    "can't allocate memory",  # torch's allocator on the CPU
    "not enough memory",  # the same on Windows
    "cannot allocate memory",  # the C library
    "unable to find an engine",  # PyTorch, where no plan of cuDNN's fits
    "cudnn_status_internal_error",  # cuDNN, where a workspace does not fit
    "cudnn_status_execution_failed",
    "alloc_failed",  # cuDNN, cuBLAS: "..._STATUS_ALLOC_FAILED"
    "bad_alloc",  # C++
)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that the device or the host ran out of memory."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in MESSAGES)


def run_if_it_fits(work: Callable[[], Result]) -> Result | None:
    """Return work(), or None if it ran out of memory."""
    try:
        return work()
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
    return None  # outside the except clause: the error's traceback keeps what was allocated


def run_with_room(work: Callable[[], Result], free: Callable[[], None]) -> Result:
    """Return work(); where it runs out of memory, once more after `free`, which frees what can be spared."""
    result = run_if_it_fits(work)
    if result is None:
        free()
        result = work()
    return result


def free_cached(device: torch.device) -> None:
    """Return the memory of graphs, and what torch has cached, to the device, to be allocated in other sizes."""
    if device.type == "cuda":
        drop_graphs(device)
        torch.cuda.empty_cache()


def advice(device: torch.device) -> str:
    """Return what to do about a video whose windows do not fit in memory."""
    smaller = "smaller windows (such as a smaller --side_size or --stack_size)"
    if device.type == "cpu":
        return f"use fewer --num_workers, --decode_threads 1, or {smaller}"
    return f"use --device cpu, a GPU that nothing else uses, or {smaller}"
