"""Rows of a batch on a CPU: each thread computes rows of its own, instead of all threads sharing every row.

Threads that share a convolution wait for each other at the end of it; on rows of their own they hardly ever wait, and
one computes while another moves memory: 3 to 17 % faster (docs/performance.md).

A convolution on two threads also rounds otherwise than on one, and flow that is quantized turns a last digit into a
level. So each frame and pair of a flow network is always computed on one thread: a worker that has all cores and one
that has half of them give the same bits.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

from utils.nn.flow import Encoded, FlowNetwork

Rows = TypeVar("Rows")
Result = TypeVar("Result")
Tensors = dict[str, Tensor]  # with the same number of rows


class RowThreads:
    """Threads for parts of a batch; together they use as many threads as torch does in the thread that makes this."""

    def __init__(self) -> None:
        self._n_threads = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(self._n_threads)

    def map(self, function: Callable[[Rows], Result], parts: Sequence[Rows], threads_each: int = 1) -> list[Result]:
        """Return what the function gives for each part, in inference mode, with so many of torch's threads each."""

        def on_thread(part: Rows) -> Result:
            if torch.get_num_threads() != threads_each:  # this thread's own setting
                torch.set_num_threads(threads_each)
            with torch.inference_mode():  # it is a thread's own, too
                return function(part)

        return list(self._pool.map(on_thread, parts))

    def spread(self, function: Callable[[Tensors], Tensors], batch: Tensors, at_least: int = 1) -> Tensors:
        """Return what the function gives for a batch, from parts of at least so many rows."""
        n_parts = min(len(next(iter(batch.values()))) // at_least, self._n_threads)
        if n_parts < 2:
            return function(batch)
        cut = {name: value.tensor_split(n_parts) for name, value in batch.items()}
        parts = [dict(zip(cut, values, strict=True)) for values in zip(*cut.values(), strict=True)]
        outputs = self.map(function, parts, self._n_threads // n_parts)
        return {name: torch.cat([part[name] for part in outputs]) for name in outputs[0]}


def row_by_row(network: FlowNetwork, device: torch.device) -> FlowNetwork:
    """Return the network for a GPU; for a CPU, one that spreads its rows over as many threads as torch has."""
    return RowByRow(network) if device.type == "cpu" else network


class RowByRow:
    """A flow network that works on each frame and each pair in one thread."""

    def __init__(self, network: FlowNetwork) -> None:
        self._network = network
        self._threads = RowThreads()

    def encode(self, frames: Tensor) -> Encoded:
        """Return what `between` needs of each frame, as the network does."""
        rows = self._threads.map(self._network.encode, frames.split(1))
        return tuple(torch.cat(parts) for parts in zip(*rows, strict=True))

    def between(self, first: Encoded, second: Encoded, size: tuple[int, int]) -> Tensor:
        """Return the flow of each pair, as the network does."""

        def flow(row: int) -> Tensor:
            ours, theirs = (tuple(part[row : row + 1] for part in encoded) for encoded in (first, second))
            return self._network.between(ours, theirs, size)

        return torch.cat(self._threads.map(flow, range(len(first[0]))))

    def pairs_at_once(self, size: tuple[int, int]) -> int:
        """Return how many pairs to hand over at once."""
        return self._network.pairs_at_once(size)
