"""Flow between neighbouring frames as work that belongs to a pair, for the pipeline."""

from collections.abc import Callable

import torch
from torch import Tensor

from utils.flow import Encoded, FlowNetwork
from utils.row_threads import row_by_row


class FlowPairs:
    """A flow network on a device, and what is kept of each pair's flow.

    keep: from flow float32 [n, 2, H', W'] in pixels and the frames' size (H, W) to the rows that windows hold.
    """

    def __init__(
        self, network: FlowNetwork, device: torch.device, keep: Callable[[Tensor, tuple[int, int]], Tensor]
    ) -> None:
        self._network = row_by_row(network, device)
        self._keep = keep

    def pairs_at_once(self, size: tuple[int, int]) -> int:
        """Return how many pairs of frames of this (H, W) fit a batch."""
        return self._network.pairs_at_once(size)

    def encode(self, units: Tensor) -> Encoded:
        """Return what the network needs of each frame. units: uint8 [n, H, W, 3]."""
        return self._network.encode(units.permute(0, 3, 1, 2).float())

    def between(self, first: Encoded, second: Encoded, size: tuple[int, int]) -> Tensor:
        """Return what is kept of the flow from each frame to its partner, one row per pair."""
        return self._keep(self._network.between(first, second, size), size)
