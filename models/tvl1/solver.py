"""TV-L1's iterations at one level of the pyramid, for the pairs of a batch at once, as a GPU takes them."""

import torch
from torch import Tensor
from torch.nn import functional

from models.tvl1.median import median_5x5
from models.tvl1.preprocess import gradients
from models.tvl1.settings import FLAT, SolverSettings
from models.tvl1.step import UNITS_PER_PIXEL, Step

STEPS_PER_CHECK = 10  # whether any pair on a GPU is still active: each check waits for the GPU


class Level:
    """The flow of n pairs at one size.

    Each pair of a batch stops at the step at which it would stop alone, and stays unchanged while others continue.

    first: grey levels, float32 [n, 1, H, W]. second: their partners. flow: to start from, in pixels, [n, 2, H, W]; None
        for zero.
    """

    def __init__(self, first: Tensor, second: Tensor, flow: Tensor | None, settings: SolverSettings) -> None:
        n, _, height, width = first.shape
        self._settings = settings
        self._first = first[:, 0]
        self._second = gradients(second).double()
        self._end = (settings.epsilon * UNITS_PER_PIXEL) ** 2 * height * width  # squared change
        self._active = torch.empty(n, dtype=torch.bool, device=first.device)
        self._step = Step((n, height, width), first.device, self._active)
        self._flow = self._step.flow.view(2, n, height, width)
        if flow is not None:
            self._flow.copy_(flow.transpose(0, 1)).mul_(UNITS_PER_PIXEL)

    def refine(self) -> Tensor:
        """Return the flow in pixels, [n, 2, H, W], after all warps."""
        for _ in range(self._settings.warps):
            self._warp()
            self._iterate()
        return self._flow.transpose(0, 1) / UNITS_PER_PIXEL

    def _warp(self) -> None:
        """Sample the second images where the flow points, and linearize their difference to the first ones there."""
        flow = self._flow / UNITS_PER_PIXEL
        image, *gradient = _sampled(self._second, flow).unbind(1)
        slope = torch.stack(gradient)  # [2, n, H, W]
        squared = slope.square().sum(0).clamp_min_(FLAT)
        self._step.offset.copy_(((self._first - image + (slope * flow).sum(0)) / squared).view(-1))
        self._step.towards.copy_((slope / squared / -UNITS_PER_PIXEL).view(2, -1))
        self._step.slope.copy_(slope.view(2, -1)).mul_(UNITS_PER_PIXEL)

    def _iterate(self) -> None:
        """Take steps until the flow hardly changes, at most rounds * steps of them."""
        self._active.fill_(True)
        for _ in range(self._settings.rounds):
            if self._settings.median:
                self._filter()
            for step in range(self._settings.steps):
                if self._has_ended(self._step(), step):
                    return

    def _filter(self) -> None:
        self._flow.copy_(torch.where(self._active[:, None, None], median_5x5(self._flow), self._flow))

    def _has_ended(self, change: Tensor, step: int) -> bool:
        """Return whether no pair is active, as far as is known. change: squared, by pair."""
        torch.gt(change, self._end, out=self._active)
        return step % STEPS_PER_CHECK == 0 and not self._active.any()


def _sampled(images: Tensor, flow: Tensor) -> Tensor:
    """Return images [n, C, H, W] sampled at (x + u, y + v): bicubic with A = -0.75, 0 outside. flow: [2, n, H, W].

    In float64: PyTorch takes coordinates from -1 to 1, which in float32 would move each pixel by 1e-5, and with it the
    flow where the images are flat.
    """
    height, width = flow.shape[-2:]
    x = torch.arange(width, device=flow.device) + flow[0].double()
    y = torch.arange(height, device=flow.device)[:, None] + flow[1].double()
    grid = torch.stack(((2 * x + 1) / width - 1, (2 * y + 1) / height - 1), dim=-1)
    sampled = functional.grid_sample(images, grid, mode="bicubic", padding_mode="zeros", align_corners=False)
    return sampled.float()
