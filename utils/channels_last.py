"""The memory layout in which networks run: all channels of a pixel side by side, in 2D and in 3D."""

import torch
from torch import Tensor, nn

CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}  # by the dimensions of the input


def is_channels_last(x: Tensor) -> bool:
    """Return whether a batch [B, C, (T,) H, W] lies so."""
    return x.is_contiguous(memory_format=CHANNELS_LAST[x.ndim])


def lay_out(network: nn.Module) -> None:
    """Lay out the weights of 2D and 3D convolutions so, in place; what they give lies so too."""
    for parameter in network.parameters():
        if parameter.ndim in CHANNELS_LAST:
            parameter.data = parameter.data.contiguous(memory_format=CHANNELS_LAST[parameter.ndim])
