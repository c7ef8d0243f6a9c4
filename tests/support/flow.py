"""Flow of TV-L1 between two golden frames."""

import numpy as np
import torch

from models.tvl1.network import TVL1
from support.device import DEVICE


def frames(grey: np.ndarray) -> torch.Tensor:
    """Return grey levels [H, W] as an RGB frame, float32 [1, 3, H, W]."""
    return torch.from_numpy(grey).float().expand(1, 3, -1, -1).to(DEVICE)


def flow_of(network: TVL1, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        size = (first.shape[-2], first.shape[-1])
        return network.to(DEVICE).between(network.encode(first), network.encode(second), size)


def flow_together(network: TVL1, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return the flow of all pairs at once, as a GPU computes it."""
    with torch.inference_mode():
        levels = zip(network.to(DEVICE).encode(first), network.encode(second), strict=True)
        return network.together(list(levels)[::-1])
