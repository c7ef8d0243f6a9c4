"""The cost volume of PWC-Net and the backward warp before it, in plain PyTorch."""

import torch
from torch import Tensor
from torch.nn import functional

RADIUS = 4  # pixels of the level, in each direction
OFFSETS = 2 * RADIUS + 1
MIN_COVERAGE = 0.999  # of a sample's weights, that lie in the image; with less it counts as outside


def correlation(first: Tensor, second: Tensor) -> Tensor:
    """Mean product of each pixel of `first` with the 9x9 pixels around it in `second`, [n, 81, H, W].

    Channel (dy + 4) * 9 + (dx + 4) belongs to the offset (dx, dy) in -4..4, and is zero where that is outside. The
    product is divided by the number of channels (paper, section 3, "cost volume layer").

    For one dy, all offsets dx of a row are a band of the matrix product of two rows: one batched product and one
    strided copy replace nine shifted products. The result has its channels last in memory, as has all that is computed
    from it, which makes the whole network a quarter faster on a CPU.

    first, second: features of n pairs, [n, C, H, W].
    """
    n, channels, height, width = first.shape
    wide = width + 2 * RADIUS
    rows = first.permute(0, 2, 3, 1).reshape(n * height, width, channels) / channels
    padded = functional.pad(second.permute(0, 2, 3, 1), (0, 0, RADIUS, RADIUS, RADIUS, RADIUS))
    volume = first.new_empty(n, height, width, OFFSETS, OFFSETS)
    for dy in range(OFFSETS):
        partners = padded[:, dy : dy + height].reshape(n * height, wide, channels)
        products = torch.bmm(rows, partners.transpose(1, 2))  # [n * H, W, W + 8]
        # element (x, x + dx) of every product: one step in x is one row and one column further
        band = products.as_strided((n, height, width, OFFSETS), (height * width * wide, width * wide, wide + 1, 1))
        volume[:, :, :, dy].copy_(band)
    return volume.view(n, height, width, OFFSETS * OFFSETS).permute(0, 3, 1, 2)


def warp(image: Tensor, flow: Tensor, align_corners: bool = True) -> Tensor:
    """Image sampled at (x + u, y + v) bilinearly; 0 where the sample is outside of the image, [n, C, H, W].

    A sample is outside if its weights in the image sum to 0.999 or less, so that one on the last row or column is kept
    despite rounding. Coordinates are float32, whatever the type of `image`.

    image: [n, C, H, W]. flow: [n, 2, H, W], in pixels of the image, channel 0 horizontal.
    align_corners: published features were made with True. False is what the reference does under torch >= 1.3, whose
        grid_sample reads the same grid differently: it samples at ((g + 1) * W - 1) / 2 with
        g = 2 * (x + u) / (W - 1) - 1, which is not the identity at zero flow.
    """
    grid = _normalized(flow.float())
    sampled = functional.grid_sample(image.float(), grid, padding_mode="zeros", align_corners=align_corners)
    ones = grid.new_ones(()).expand(image.shape[0], 1, *image.shape[-2:])
    coverage = functional.grid_sample(ones, grid, padding_mode="zeros", align_corners=align_corners)
    return (sampled * (coverage > MIN_COVERAGE)).to(image.dtype)


def _normalized(flow: Tensor) -> Tensor:
    """Where each pixel is sampled, (x + u, y + v), with -1 and 1 at the centres of the corner pixels, [n, H, W, 2]."""
    height, width = flow.shape[-2:]
    x = torch.arange(width, device=flow.device, dtype=flow.dtype) + flow[:, 0]
    y = torch.arange(height, device=flow.device, dtype=flow.dtype)[:, None] + flow[:, 1]
    return torch.stack((2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1), dim=-1)
