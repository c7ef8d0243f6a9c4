"""Triton kernels for layers that PyTorch runs in several passes over memory. Tensors have their channels last.

Only `utils.nn.gpu.support` imports this: some machines have no Triton.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

MOST_CHANNELS = 64  # of a block: 128 bytes of a 16-bit type, which a GPU reads in one piece
BLOCK = 2048  # values of a block
PADDED: Any = tl.constexpr(float("-inf"))
jit: Any = triton.jit  # whose types know nothing of numbers as constants


@jit
def _add_and_activate(y, bias, slope, n_rows, n_channels, rows: tl.constexpr, channels: tl.constexpr):
    """Of each value of y [n_rows, n_channels], in place."""
    row = tl.program_id(0).to(tl.int64) * rows + tl.arange(0, rows)[:, None]
    channel = tl.program_id(1) * channels + tl.arange(0, channels)[None, :]
    mask = (row < n_rows) & (channel < n_channels)
    at = y + row * n_channels + channel
    value = tl.load(at, mask).to(tl.float32) + tl.load(bias + channel, channel < n_channels).to(tl.float32)
    below = tl.where(slope == 0, 0.0, value * slope)  # not minus infinity times 0
    tl.store(at, tl.where(value < 0, below, value), mask)


@jit
def _max_pool(
    x,
    y,
    n_positions,
    n_channels,
    x_sizes,
    y_sizes,
    x_strides,
    before,
    kernel_t: tl.constexpr,
    kernel_h: tl.constexpr,
    kernel_w: tl.constexpr,
    stride_t: tl.constexpr,
    stride_h: tl.constexpr,
    stride_w: tl.constexpr,
    rows: tl.constexpr,
    channels: tl.constexpr,
):
    """Of x with n_channels per position to y with n_positions; sizes and padding: of (T, H, W)."""
    position = tl.program_id(0) * rows + tl.arange(0, rows)
    channel = tl.program_id(1) * channels + tl.arange(0, channels)[None, :]
    w = position % y_sizes[2] * stride_w - before[2]
    h = position // y_sizes[2] % y_sizes[1] * stride_h - before[1]
    t = position // (y_sizes[2] * y_sizes[1]) % y_sizes[0] * stride_t - before[0]
    sample = position // (y_sizes[2] * y_sizes[1] * y_sizes[0])
    # strides of x: of B, T, H, W
    base = sample.to(tl.int64) * x_strides[0] + t.to(tl.int64) * x_strides[1] + h * x_strides[2] + w * x_strides[3]
    largest = tl.full((rows, channels), PADDED, tl.float32)
    for tap in tl.static_range(kernel_t * kernel_h * kernel_w):  # pyright: ignore[reportGeneralTypeIssues]  # unrolled
        i, j, k = tap // (kernel_h * kernel_w), tap // kernel_w % kernel_h, tap % kernel_w
        inside = (t + i >= 0) & (t + i < x_sizes[0]) & (h + j >= 0) & (h + j < x_sizes[1])
        inside = inside & (w + k >= 0) & (w + k < x_sizes[2]) & (position < n_positions)
        at = base + i * x_strides[1] + j * x_strides[2] + k * x_strides[3]
        value = tl.load(x + at[:, None] + channel, inside[:, None] & (channel < n_channels), other=PADDED)
        largest = tl.maximum(largest, value.to(tl.float32), propagate_nan=tl.PropagateNan.ALL)
    mask = (position < n_positions)[:, None] & (channel < n_channels)
    tl.store(y + position.to(tl.int64)[:, None] * n_channels + channel, largest, mask)


@jit
def _in_blocks(
    x,
    y,
    n_positions,
    n_channels,
    x_sizes,
    y_sizes,
    x_strides,
    before,
    block_t: tl.constexpr,
    block_h: tl.constexpr,
    block_w: tl.constexpr,
    padded: tl.constexpr,
    rows: tl.constexpr,
    channels: tl.constexpr,
):
    """Of x with n_channels to y with block_t * block_h * block_w * padded channels at n_positions."""
    position = tl.program_id(0) * rows + tl.arange(0, rows)[:, None]
    channel = tl.arange(0, channels)[None, :]
    n_out: tl.constexpr = block_t * block_h * block_w * padded
    within, c = channel // padded, channel % padded
    w = position % y_sizes[2] * block_w - before[2] + within % block_w
    h = position // y_sizes[2] % y_sizes[1] * block_h - before[1] + within // block_w % block_h
    t = position // (y_sizes[2] * y_sizes[1]) % y_sizes[0] * block_t - before[0] + within // (block_w * block_h)
    sample = position // (y_sizes[2] * y_sizes[1] * y_sizes[0])
    inside = (t >= 0) & (t < x_sizes[0]) & (h >= 0) & (h < x_sizes[1]) & (w >= 0) & (w < x_sizes[2])
    at = t * x_strides[1] + h * x_strides[2] + w * x_strides[3] + c * x_strides[4]
    mask = (position < n_positions) & (channel < n_out)
    value = tl.load(x + sample.to(tl.int64) * x_strides[0] + at, mask & inside & (c < n_channels), other=0.0)
    tl.store(y + position.to(tl.int64) * n_out + channel, value, mask)


def add_and_activate(y: Tensor, bias: Tensor, slope: float) -> Tensor:
    """Add the bias to y [B, C, (T,) H, W] in place, and multiply what is below 0 by the slope; return y."""
    n_channels = y.shape[1]
    n_rows = y.numel() // n_channels
    with torch.cuda.device_of(y):
        _add_and_activate[_grid(n_rows, n_channels)](y, bias, slope, n_rows, n_channels, **_block(n_channels))
    return y


def max_pool(x: Tensor, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[tuple[int, int]]) -> Tensor:
    """Return the largest value of each window of x [B, C, T, H, W]; padding: before and after T, H and W."""
    (n_samples, n_channels), lengths = x.shape[:2], tuple(x.shape[2:])
    sizes = zip(lengths, kernel, stride, padding, strict=True)
    new = tuple((length + sum(ends) - window) // step + 1 for length, window, step, ends in sizes)
    y = x.new_empty(n_samples, *new, n_channels).movedim(-1, 1)
    n_rows = y.numel() // n_channels
    strides, before = (x.stride(0), *x.stride()[2:]), tuple(first for first, _ in padding)
    sizes = (n_rows, n_channels, lengths, new, strides, before, *kernel, *stride)
    with torch.cuda.device_of(x):
        _max_pool[_grid(n_rows, n_channels)](x, y, *sizes, **_block(n_channels))
    return y


def in_blocks(x: Tensor, block: Sequence[int], n_blocks: Sequence[int], before: Sequence[int], padded: int) -> Tensor:
    """Return x [B, C, T, H, W] as blocks of positions; see `utils.nn.gpu.stem.rearranged`."""
    n_channels = math.prod(block) * padded
    y = x.new_empty(len(x), *n_blocks, n_channels).movedim(-1, 1)
    n_rows = y.numel() // n_channels
    channels = triton.next_power_of_2(n_channels)
    rows = BLOCK // channels
    strides = (x.stride(0), *x.stride()[2:], x.stride(1))
    sizes = (n_rows, x.shape[1], tuple(x.shape[2:]), tuple(n_blocks), strides, tuple(before), *block, padded)
    with torch.cuda.device_of(x):
        _in_blocks[(triton.cdiv(n_rows, rows),)](x, y, *sizes, rows, channels)
    return y


def _block(n_channels: int) -> dict[str, int]:
    channels = min(triton.next_power_of_2(n_channels), MOST_CHANNELS)
    return {"rows": BLOCK // channels, "channels": channels}


def _grid(n_rows: int, n_channels: int) -> tuple[int, int]:
    block = _block(n_channels)
    return triton.cdiv(n_rows, block["rows"]), triton.cdiv(n_channels, block["channels"])
