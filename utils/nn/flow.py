"""What a network for optical flow offers, whether its flow is the feature or the input of another network."""

from typing import Protocol

from torch import Tensor

Encoded = tuple[Tensor, ...]  # what a network keeps of each frame: tensors with one row per frame


class FlowNetwork(Protocol):
    """Optical flow in two steps, so that the work on a frame is done once, though it is in two pairs."""

    def encode(self, frames: Tensor) -> Encoded:
        """Return what `between` needs of each frame.

        frames: RGB, float32 [n, 3, H, W] in 0..255, on the network's device.
        """
        ...

    def between(self, first: Encoded, second: Encoded, size: tuple[int, int]) -> Tensor:
        """Return the flow from each frame to its partner, float32 [n, 2, H', W'], in pixels, channel 0 horizontal.

        size: (H, W) of the frames. H', W' equal it, or are larger where the network pads its frames.
        """
        ...

    def pairs_at_once(self, size: tuple[int, int]) -> int:
        """Return how many pairs of frames of this (H, W) fit a batch on the network's device."""
        ...
