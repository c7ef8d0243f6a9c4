"""Flow networks on a CPU: one thread per frame or pair, so that results do not depend on how many threads there are.

A convolution on two threads rounds otherwise than on one, and flow that is quantised turns a last digit into a level.
With each row on one thread, a worker that has all cores and one that has half of them give the same bits.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

from utils.flow import Encoded, FlowNetwork

Result = TypeVar("Result")


def row_by_row(network: FlowNetwork, device: torch.device) -> FlowNetwork:
    """Return the network for a GPU; for a CPU, one that spreads its rows over as many threads as torch has."""
    return RowByRow(network) if device.type == "cpu" else network


class RowByRow:
    """A flow network that works on each frame and each pair in one thread."""

    def __init__(self, network: FlowNetwork) -> None:
        self._network = network
        # torch's setting is the calling thread's own; elsewhere it only counts for threads that start later
        self._pool = ThreadPoolExecutor(torch.get_num_threads(), initializer=torch.set_num_threads, initargs=(1,))

    def encode(self, frames: Tensor) -> Encoded:
        """Return what `between` needs of each frame, as the network does."""
        rows = self._map(lambda row: self._network.encode(frames[row]), len(frames))
        return tuple(torch.cat(parts) for parts in zip(*rows, strict=True))

    def between(self, first: Encoded, second: Encoded, size: tuple[int, int]) -> Tensor:
        """Return the flow of each pair, as the network does."""

        def flow(row: slice) -> Tensor:
            ours, theirs = (tuple(part[row] for part in encoded) for encoded in (first, second))
            return self._network.between(ours, theirs, size)

        return torch.cat(self._map(flow, len(first[0])))

    def pairs_at_once(self, size: tuple[int, int]) -> int:
        """Return how many pairs to hand over at once."""
        return self._network.pairs_at_once(size)

    def _map(self, function: Callable[[slice], Result], n_rows: int) -> list[Result]:
        def on_thread(row: int) -> Result:
            with torch.inference_mode():  # it is a thread's own, too
                return function(slice(row, row + 1))

        return list(self._pool.map(on_thread, range(n_rows)))
