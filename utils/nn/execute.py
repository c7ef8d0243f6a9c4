"""How a batch goes through a network."""

from collections.abc import Callable
from functools import partial

import torch

from utils.nn.cpu.threads import RowThreads, Tensors
from utils.nn.graphs import CudaGraphs
from utils.nn.prepare import ComputeMode

Forward = Callable[[Tensors], Tensors]  # inputs to outputs by name, all with one row per window


def batch_function(forward: Forward, device: torch.device, compute: ComputeMode, rows_per_thread: int) -> Forward:
    """Return the function that runs a batch.

    That is `forward` on threads that share the rows on a CPU, and as a CUDA graph on an NVIDIA GPU. A compiled network
    runs as it is: it uses all threads of a CPU for every row, and launches few kernels.

    rows_per_thread: at least; a batch of fewer than two such parts is not split.
    """
    if compute.compile:
        return forward
    if device.type != "cpu":
        return partial(CudaGraphs().run, "forward", forward)
    threads = RowThreads()
    return lambda batch: threads.spread(forward, batch, rows_per_thread)
