"""How a batch goes through a network."""

from collections.abc import Callable

import torch

from utils.nn.cpu.threads import RowThreads, Tensors
from utils.nn.prepare import ComputeMode

Forward = Callable[[Tensors], Tensors]  # inputs to outputs by name, all with one row per window


def batch_function(forward: Forward, device: torch.device, compute: ComputeMode, rows_per_thread: int) -> Forward:
    """Return the function that runs a batch: `forward` itself, or on a CPU `forward` on threads that share the rows.

    A compiled network uses all threads for every row.

    rows_per_thread: at least; a batch of fewer than two such parts is not split.
    """
    if device.type != "cpu" or compute.compile:
        return forward
    threads = RowThreads()
    return lambda batch: threads.spread(forward, batch, rows_per_thread)
