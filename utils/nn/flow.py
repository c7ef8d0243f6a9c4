"""What a network for optical flow offers, whether its flow is the feature or the input of another network."""

import functools
from typing import Protocol

import torch
from torch import Tensor

GPU_SHARE = 1 / 16  # of a GPU's memory for a batch of pairs: 5 GiB of 80; frames, features and caches take the rest
Encoded = tuple[Tensor, ...]  # what a network keeps of each frame: tensors with one row per frame


class FlowNetwork(Protocol):
    """Optical flow in two steps, so that the work on a frame is done once, though it is in two pairs."""

    fixed_work: bool  # whether batches of one shape take the same steps, whatever is in them

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


@functools.cache
def bytes_for_pairs(device: torch.device, cpu_bytes: int) -> int:
    """Return how much memory a batch of pairs may take on a device: `cpu_bytes` on a CPU, a share of a GPU's memory."""
    if device.type == "cpu":
        return cpu_bytes
    _, total = torch.cuda.mem_get_info(device)
    return int(total * GPU_SHARE)
