"""Running out of memory: which errors say so, and how work is tried without keeping what it had allocated."""

from collections.abc import Callable
from typing import TypeVar

import torch

Result = TypeVar("Result")

SIGNS = (  # words of errors that have no type of their own
    "out of memory",  # CUDA
    "can't allocate memory",  # torch's allocator on the CPU
    "not enough memory",  # the same on Windows
    "cannot allocate memory",  # the C library
    "alloc_failed",  # cuDNN, cuBLAS: "..._STATUS_ALLOC_FAILED"
    "bad_alloc",  # C++
)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory, of the device or of the host, did not suffice."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in SIGNS)


def fitting(work: Callable[[], Result]) -> Result | None:
    """Return what `work` returns, or None where memory did not suffice for it."""
    try:
        return work()
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
    return None  # past the except clause: as long as the error is alive, its traceback holds what was allocated


def release(device: torch.device) -> None:
    """Give the device back what torch holds in reserve there, so that it can be cut up otherwise."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def remedy(device: torch.device) -> str:
    """Return what to do about a video whose windows are too large for the memory."""
    smaller = "smaller windows (such as a smaller --side_size or --stack_size)"
    if device.type == "cpu":
        return f"use fewer --num_workers, --decode_threads 1, or {smaller}"
    return f"use --device cpu, a GPU that nothing else uses, or {smaller}"
