"""TV-L1: flow by minimizing its total variation and the absolute difference of the images, without weights.

Zach, Pock, Bischof, "A Duality Based Approach for Realtime TV-L1 Optical Flow", DAGM 2007; Sánchez, Meinhardt-Llopis,
Facciolo, "TV-L1 Optical Flow Estimation", IPOL 2013, doi 10.5201/ipol.2013.26. Parameters and details are those of
OpenCV 5's DualTVL1OpticalFlow.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.tvl1.by_opencv import flow_of
from models.tvl1.preprocess import SCALE_STEP, pyramid, to_grey
from models.tvl1.settings import SolverSettings
from models.tvl1.solver import Level
from utils.nn.flow import Encoded, bytes_for_pairs

BYTES_PER_PIXEL = 320  # working memory of a pair
CPU_BATCH_BYTES = 256 << 20  # what a batch may take


class TVL1(nn.Module):
    """Flow between frames of any size, always in float32; a `FlowNetwork` without parameters."""

    fixed_work = False  # it ends when the flow has converged
    place: Tensor

    def __init__(self, settings: SolverSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or SolverSettings()
        self.register_buffer("place", torch.zeros((), dtype=torch.bool), persistent=False)  # moves to the device

    def encode(self, frames: Tensor) -> Encoded:
        """Return the pyramid of each frame, float32 [n, 1, h, w] per level, the frame's own size first.

        frames: RGB, float32 [n, 3, H, W] in 0..255.
        """
        return pyramid(to_grey(frames), self.settings.scales)

    def between(self, first: Encoded, second: Encoded, size: tuple[int, int]) -> Tensor:
        """Return the flow from each frame to its partner, float32 [n, 2, H, W], in pixels, channel 0 horizontal.

        first, second: what `encode` returned for the n pairs. size: (H, W) of the frames, which the pyramids also tell.
        """
        levels = list(zip(reversed(first), reversed(second), strict=True))
        if self.place.device.type == "cpu":
            n = len(first[0])
            return torch.stack([flow_of([(a[i, 0], b[i, 0]) for a, b in levels], self.settings) for i in range(n)])
        return self.together(levels)

    def together(self, levels: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        """Return the same, of all pairs at once, as a GPU does it. levels: of both frames, the coarsest first."""
        flow = None
        for one, other in levels:
            if flow is not None:
                size = (one.shape[-2], one.shape[-1])
                flow = functional.interpolate(flow, size, mode="bilinear", align_corners=False) / SCALE_STEP
            flow = Level(one, other, flow, self.settings).refine()
        assert flow is not None  # a pyramid has at least the frame
        return flow

    def pairs_at_once(self, size: tuple[int, int]) -> int:
        """Return how many pairs of frames of this (H, W) fit a batch on the network's device; at least 1."""
        return max(1, bytes_for_pairs(self.place.device, CPU_BATCH_BYTES) // (BYTES_PER_PIXEL * size[0] * size[1]))
