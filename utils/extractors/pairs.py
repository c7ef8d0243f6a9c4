"""The contract of work that belongs to two neighbouring frames."""

from typing import Protocol

from torch import Tensor

from utils.nn.flow import Encoded


class PairStage(Protocol):
    """Work that belongs to two neighbouring frames, such as flow: done once per pair, encoded once per frame."""

    multiple: int  # of frames and pairs that a batch is filled up to with surplus rows

    def pairs_at_once(self, size: tuple[int, int]) -> int:
        """Return how many pairs of prepared frames of this (H, W) fit a batch."""
        ...

    def encode(self, frames: Tensor) -> Encoded:
        """Return what `between` needs of each prepared frame [n, ...]; tensors with n rows."""
        ...

    def between(self, first: Encoded, second: Encoded, size: tuple[int, int]) -> Tensor:
        """Return one row per pair, as the window will hold it."""
        ...
