"""One step of TV-L1 for a band of rows, and the maps that all bands share.

Per pixel a step is a few dozen operations on as many numbers, so memory decides its speed. Bands keep the temporary
values in a core's cache. Maps are stored one after another in flat buffers, where a neighbour is a shift of the whole
buffer: almost twice as fast as slices of maps. Where a shift reads from another row or map, it reads a dual variable of
a last column or row; those stay 0.
"""

import torch
from torch import Tensor

TAU, LAMBDA, THETA = 0.25, 0.15, 0.3  # OpenCV's defaults: time step, weight of the images, tightness
UNITS_PER_PIXEL = TAU / THETA
REACH = LAMBDA * THETA


class Maps:
    """What the steps of n pairs at one size read and change; P = n * H * W pixels.

    flow: [2, P], in units of theta / tau pixels, so that the step of the dual variables needs no factor.
    next_flow: [2, 2, P], the flow of the pixel to the right and of the one below.
    dual: [2, 2, P], times tau: along x and y, of each component of the flow.
    previous_dual: [2, 2, P], along x of the pixel to the left, along y of the one above.
    offset: [P], towards: [2, P]: offset + towards * flow is how far along the slope the images agree.
    slope: [2, P], the gradient of the second image.
    """

    def __init__(self, shape: tuple[int, int, int], device: torch.device) -> None:
        self.shape = shape
        n, height, width = shape
        pixels = n * height * width
        sides = (2, 2, pixels)
        flow = torch.zeros(2 * pixels + width, device=device)
        self.flow = flow[: 2 * pixels].view(2, pixels)
        self.next_flow = flow.as_strided(sides, (width - 1, pixels, 1), 1)
        dual = torch.zeros(2 * (width + 2 * pixels), device=device)  # each half begins with a row of zeros
        self.dual = dual.view(2, -1)[:, width:].unflatten(1, (2, pixels))
        self.previous_dual = dual.as_strided(sides, (2 * pixels + 1, pixels, 1), width - 1)
        self.offset = torch.empty(pixels, device=device)
        self.towards, self.slope = (torch.empty(2, pixels, device=device) for _ in range(2))


class Band:
    """A step for the rows from `start` to `stop`, of n * H rows of all pairs.

    The dual variables of its last row are left to the next band, whose flow they need, and which needs the old ones.

    active: bool [n]: the other pairs are left alone. The band must have all rows then. None for one pair.
    """

    def __init__(self, maps: Maps, start: int, stop: int, active: Tensor | None) -> None:
        n, height, width = maps.shape
        self._active = active
        pixels = slice(start * width, stop * width)
        self._flow, self._slope, self._offset = maps.flow[:, pixels], maps.slope[:, pixels], maps.offset[pixels]
        self._flow_x, self._flow_y = self._flow
        self._towards_x, self._towards_y = maps.towards[:, pixels]
        self._dual, self._previous_dual = maps.dual[..., pixels], maps.previous_dual[..., pixels]
        self._distance = torch.empty_like(self._offset)
        self._divergence = maps.flow.new_empty(self._dual.shape)
        self._change, self._divergence_y = self._divergence
        self._change_flat, self._change_by_pair = self._change.view(-1), self._change.view(2, n, -1)

        first, last = max(0, start - 1), stop if stop == n * height else stop - 1
        pixels = slice(first * width, last * width)
        self._old_dual, self._here, self._next = (
            maps.dual[..., pixels],
            maps.flow[:, pixels],
            maps.next_flow[..., pixels],
        )
        self._gradient = maps.flow.new_empty(self._old_dual.shape)
        self._gradient_x, self._gradient_y = self._gradient
        rows = self._gradient.view(2, 2, last - first, width)
        self._last_column, self._last_rows = rows[0, ..., -1], rows[1, :, height - 1 - first % height :: height]
        self._norm = torch.empty_like(self._gradient_x)

    def step(self) -> Tensor:
        """Change flow and dual variables; return the squared change of the flow, [n], or 0-dimensional for one pair."""
        torch.addcmul(self._offset, self._towards_x, self._flow_x, out=self._distance)
        self._distance.addcmul_(self._towards_y, self._flow_y).clamp_(-REACH, REACH)
        torch.sub(self._dual, self._previous_dual, out=self._divergence)
        self._change.add_(self._divergence_y).addcmul_(self._distance, self._slope)
        if self._active is not None:
            self._change_by_pair.mul_(self._active[:, None])
        self._flow.add_(self._change)
        self._update_dual()
        if self._active is not None:
            return self._change_by_pair.square().sum((0, 2))
        return torch.dot(self._change_flat, self._change_flat)

    def _update_dual(self) -> None:
        torch.sub(self._next, self._here, out=self._gradient)
        self._last_column.zero_()
        self._last_rows.zero_()
        if self._active is not None:
            self._gradient.view(4, len(self._active), -1).mul_(self._active[:, None])
        torch.mul(self._gradient_x, self._gradient_x, out=self._norm)
        self._norm.addcmul_(self._gradient_y, self._gradient_y).sqrt_().add_(1)
        self._old_dual.add_(self._gradient, alpha=TAU).div_(self._norm)
