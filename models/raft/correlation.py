"""RAFT's correlation of all pairs of positions, looked up around where the flow points, in float32."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from utils.nn.prepare import exact_float32
from utils.transforms.constants import constant

LEVELS = 4
RADIUS = 4  # pixels of each level, in each direction
SAMPLER_ROWS = 65535  # most that cuDNN's sampler takes (pytorch#88380)


def pixel_grid(features: Tensor) -> Tensor:
    """Position (x, y) of every pixel of the features, float32 [1, 2, h, w]."""
    height, width = features.shape[-2:]
    x = torch.arange(width, device=features.device, dtype=torch.float32).expand(height, width)
    y = torch.arange(height, device=features.device, dtype=torch.float32)[:, None].expand(height, width)
    return torch.stack((x, y))[None]


class _Level(NamedTuple):
    """One size of the partner: values [n * h * w, 1, h', w'], and how a position gives the grid of its 9x9 samples.

    The grid is position * scale + shift, with -1 and 1 at the centres of the corner pixels.
    """

    values: Tensor
    scale: Tensor  # [2]
    shift: Tensor  # [9, 9, 2]


class CorrelationPyramid:
    """Products of every position of one frame with every position of its partner, at four sizes of the partner.

    Memory: (h * w)^2 * 4 bytes * 1.33 for each pair, h and w being 1/8 of the frame's sides.
    """

    def __init__(self, first: Tensor, second: Tensor) -> None:
        """first, second: features of n pairs, [n, C, h, w]."""
        n, channels, height, width = first.shape
        # float32 in every mode, as in the authors' code under mixed precision
        with torch.autocast(first.device.type, enabled=False), exact_float32(first.device):
            products = torch.bmm(first.float().flatten(2).transpose(1, 2), second.float().flatten(2))
        level = products.div_(channels**0.5).view(n * height * width, 1, height, width)
        steps = torch.arange(-RADIUS, RADIUS + 1, device=first.device, dtype=torch.float32)
        # the published weights expect the offset in y to vary fastest
        offsets = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), dim=-1)
        self._levels: list[_Level] = []
        for number in range(LEVELS):
            if number > 0:
                level = functional.avg_pool2d(level, kernel_size=2, stride=2)
            last = constant((level.shape[-1] - 1, level.shape[-2] - 1), first.device)
            self._levels.append(_Level(level, scale=2 / (last * 2**number), shift=2 * offsets / last - 1))

    def around(self, positions: Tensor) -> Tensor:
        """Correlation in the 9x9 neighbourhood of a position in the partner, at each level, float32 [n, 324, h, w].

        Bilinear, zero outside. Channel level * 81 + a * 9 + b belongs to the offset (a - 4, b - 4) in (x, y).

        positions: (x, y) in pixels of the features, float32 [n, 2, h, w], one for each position of the first frame.
        """
        n, _, height, width = positions.shape
        centres = positions.permute(0, 2, 3, 1).reshape(n * height * width, 1, 1, 2)
        found: list[Tensor] = []
        for level in self._levels:
            grid = centres * level.scale + level.shift
            found.append(_sampled(level.values, grid).view(n, height, width, -1))
        return torch.cat(found, dim=-1).permute(0, 3, 1, 2)


def _sampled(values: Tensor, grid: Tensor) -> Tensor:
    """Return values [N, 1, h, w] at the grid's positions [N, 9, 9, 2], in as many rows at once as cuDNN takes."""
    parts = zip(values.split(SAMPLER_ROWS), grid.split(SAMPLER_ROWS), strict=True)
    found = [functional.grid_sample(*part, padding_mode="zeros", align_corners=True) for part in parts]
    return found[0] if len(found) == 1 else torch.cat(found)
