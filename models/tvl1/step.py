"""One step of TV-L1, for all pixels of a batch at once.

Per pixel a step is a few dozen operations on as many numbers, so memory decides its speed. Buffers are made once per
level. Maps are stored one after another in them, where a neighbour is a shift of the whole buffer: almost twice as fast
as slices of maps. Where a shift reads from another row or map, it reads a dual variable of a last column or row; those
stay 0.
"""

import torch
from torch import Tensor

from models.tvl1.settings import LAMBDA, TAU, THETA

UNITS_PER_PIXEL = TAU / THETA
REACH = LAMBDA * THETA


class Step:
    """The flow of n pairs at one size, and what changes it; P = n * H * W pixels.

    flow: [2, P], in units of theta / tau pixels, so that the step of the dual variables needs no factor.
    offset: [P], towards: [2, P]: offset + towards * flow is how far along the slope the images agree.
    slope: [2, P], the gradient of the second image.
    active: bool [n]: the other pairs stay unchanged.
    """

    def __init__(self, shape: tuple[int, int, int], device: torch.device, active: Tensor) -> None:
        n, height, width = shape
        pixels = n * height * width
        of_both = (2, 2, pixels)  # along x and y, of each component of the flow
        flow = torch.zeros(2 * pixels + width, device=device)
        self.flow = flow[: 2 * pixels].view(2, pixels)
        self._next_flow = flow.as_strided(of_both, (width - 1, pixels, 1), 1)  # to the right, and below
        dual = torch.zeros(2 * (width + 2 * pixels), device=device)  # times tau; each half begins with a row of zeros
        self._dual = dual.view(2, -1)[:, width:].unflatten(1, (2, pixels))
        self._previous_dual = dual.as_strided(of_both, (2 * pixels + 1, pixels, 1), width - 1)  # to the left, and above
        self.offset, self._distance = torch.empty(2, pixels, device=device)
        self.towards, self.slope, self._norm = torch.empty(3, 2, pixels, device=device)
        self.active = active
        self._divergence, self._gradient = torch.empty(2, *of_both, device=device)
        self._change, self._divergence_y = self._divergence
        self._change_by_pair = self._change.view(2, n, -1)
        maps = self._gradient.view(2, 2, n, height, width)
        self._last_column, self._last_row = maps[0, ..., -1], maps[1, ..., -1, :]
        self._components = [(self.towards[i], self.flow[i]) for i in (0, 1)]
        self._gradient_x, self._gradient_y = self._gradient

    def __call__(self) -> Tensor:
        """Change flow and dual variables; return the squared change of the flow, [n]."""
        (towards_x, flow_x), (towards_y, flow_y) = self._components
        torch.addcmul(self.offset, towards_x, flow_x, out=self._distance)
        self._distance.addcmul_(towards_y, flow_y).clamp_(-REACH, REACH)
        torch.sub(self._dual, self._previous_dual, out=self._divergence)
        self._change.add_(self._divergence_y).addcmul_(self._distance, self.slope)
        self._change_by_pair.mul_(self.active[:, None])
        self.flow.add_(self._change)
        self._update_dual()
        return self._change_by_pair.square().sum((0, 2))

    def _update_dual(self) -> None:
        torch.sub(self._next_flow, self.flow, out=self._gradient)
        self._last_column.zero_()
        self._last_row.zero_()
        self._gradient.view(4, len(self.active), -1).mul_(self.active[:, None])
        torch.mul(self._gradient_x, self._gradient_x, out=self._norm)
        self._norm.addcmul_(self._gradient_y, self._gradient_y).sqrt_().add_(1)
        self._dual.add_(self._gradient, alpha=TAU).div_(self._norm)
