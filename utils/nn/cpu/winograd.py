"""Winograd convolutions: half the multiplications along one axis, for kernels that are three wide there.

Winograd's F(4, 3), which Lavin & Gray (CVPR 2016, arXiv:1509.09308) use along two axes, along one: six products of sums
of inputs with sums of weights give four outputs, which take twelve products otherwise. Each of the six is a convolution
over the other axes, done by oneDNN. Along one axis the sums are cheap, the products stay large, and results keep
float32's accuracy (docs/performance.md).
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.nn.cpu import onednn
from utils.nn.cpu.layout import PerWeight, is_channels_last, packed

TILE = 4  # outputs
TAPS = 3
# Three weights → the weights of the six products, at the points 0, 1, -1, 2, -2 and infinity.
WEIGHT_MATRIX = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
# Below these the sums cost more than the products save (docs/performance.md). The work is that of one sample, so that a
# sample's result does not depend on the rest of its batch.
LEAST_PRODUCTS = 150  # per sum: taps across the axis x channels in x channels out / (in + out)
LEAST_WORK = 2e8  # floating-point operations
MOST_WASTE = 4 / 3  # outputs in whole tiles over outputs
BLOCK = 1 << 18  # weights that are transformed at once: in float64, all of a layer take five times its memory

_transformed: PerWeight[list[Tensor]] = PerWeight()


def axis_for(x: Tensor, weight: Tensor, stride: Sequence[int], padding: Sequence[int]) -> int | None:
    """Return the dimension of x along which Winograd's products are faster, None if there is none.

    x: [B, C, (T,) H, W], float32, channels last. weight: [C', C, (kT,) kH, kW]. stride, padding: of (T,) H, W; the
        dilation is 1 and there is one group.
    """
    if onednn.CONVOLVE is None or x.dtype != torch.float32 or not is_channels_last(x):
        return None
    if any(step != 1 for step in stride):
        return None
    axis = next((dim for dim in range(2, x.ndim - 1) if weight.shape[dim] > 1), None)
    if axis is None or weight.shape[axis] != TAPS or padding[axis - 2] != 1 or weight.is_inference():
        return None
    (n_out, n_in), length = weight.shape[:2], x.shape[axis]
    products = weight.numel() / TAPS / (n_in + n_out)
    work = 2 * weight.numel() * math.prod(x.shape[2:])
    wasted = -(-length // TILE) * TILE > MOST_WASTE * length
    return None if wasted or products < LEAST_PRODUCTS or work < LEAST_WORK else axis


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, padding: Sequence[int], axis: int) -> Tensor:
    """Return the convolution of x along an axis that `axis_for` found, channels last."""
    length, n_tiles = x.shape[axis], -(-x.shape[axis] // TILE)
    rows = x.movedim(1, -1)  # [B, (T,) H, W, C], in the order of its memory
    before, after = rows.shape[: axis - 1], rows.shape[axis:-1]
    rows = rows.reshape(-1, length, *after, x.shape[1])
    rows = F.pad(rows, (*(0, 0) * (len(after) + 1), 1, TILE * n_tiles + 1 - length))
    sizes = ([0, *padding[axis - 1 :]][-2:], [1, 1], [1, 1], 1)
    inputs = [
        part.reshape(-1, *part.shape[-3:]).permute(0, 3, 1, 2) for part in _inputs(rows, TILE * (n_tiles - 1) + 1)
    ]
    weights = _transform(weight, axis, lambda part: packed(part, inputs[0].shape, *sizes))
    # the bias goes into the product of point 1, which each of the four outputs contains once
    products = [
        onednn.CONVOLVE(images, part_weight, bias if i == 1 else None, *sizes, "none", [], "").permute(0, 2, 3, 1)
        for i, (images, part_weight) in enumerate(zip(inputs, weights, strict=True))
    ]
    new = products[0].shape[-1 - len(after) :]  # of the axes after this one, and the channels
    outputs = _outputs([product.view(-1, n_tiles, *new) for product in products], length)
    return outputs.view(*before, length, *new).movedim(-1, 1)


def _inputs(rows: Tensor, span: int) -> list[Tensor]:
    """Return the inputs of the six products, [n, tiles, ..., C] each, of rows [n, length, ..., C]."""
    x0, x1, x2, x3, x4, x5 = (rows[:, tap : tap + span : TILE] for tap in range(TILE + TAPS - 1))
    even, odd = torch.sub(x4, x2, alpha=4), torch.sub(x3, x1, alpha=4)
    near = [even + odd, even.sub_(odd)]  # of points 1 and -1
    even, odd = x4 - x2, x3 - x1
    far = [torch.add(even, odd, alpha=2), even.sub_(odd, alpha=2)]  # of points 2 and -2
    first = torch.sub(x4, x2, alpha=5).add_(x0, alpha=4)
    last = torch.sub(x5, x3, alpha=5).add_(x1, alpha=4)
    return [first, *near, *far, last]


def _outputs(products: list[Tensor], length: int) -> Tensor:
    """Return [n, length, ..., C'] of the six products, [n, tiles, ..., C'] each, which are overwritten."""
    p0, p1, p2, p3, p4, p5 = products
    result = p0.new_empty(p0.shape[0], length, *p0.shape[2:])
    near, far = p1 + p2, p3 + p4
    near_odd, far_odd = p1.sub_(p2), p3.sub_(p4)
    sums = ((p0.add_(near), far, 1), (near_odd, far_odd, 2), (near, far, 4), (p5.add_(near_odd), far_odd, 8))
    for position, (one, other, scale) in enumerate(sums):
        out = result[:, position::TILE]
        torch.add(one[:, : out.shape[1]], other[:, : out.shape[1]], alpha=scale, out=out)
    return result


def _transform(weight: Tensor, axis: int, pack: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """Return the weights of the six products, [C', C, kH, kW] each, without `axis` and packed; cached."""

    def make(weight: Tensor) -> list[Tensor]:
        matrix = torch.tensor(WEIGHT_MATRIX, dtype=torch.float64)
        shape = (*weight.shape[:2], *[1, *weight.shape[axis + 1 :]][-2:])
        parts = [torch.empty(shape, memory_format=torch.channels_last) for _ in WEIGHT_MATRIX]
        n_rows = -(-BLOCK // weight[0].numel())
        for i, rows in enumerate(weight.split(n_rows)):
            products = torch.tensordot(matrix, rows.double().movedim(axis, 0), dims=1)
            for part, values in zip(parts, products, strict=True):
                part[i * n_rows : (i + 1) * n_rows] = values.reshape(-1, *shape[1:])
        return [pack(parts.pop(0)) for _ in WEIGHT_MATRIX]

    return _transformed.get(weight, make)
