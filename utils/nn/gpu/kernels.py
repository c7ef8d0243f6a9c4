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
SECTOR = 32  # bytes, the least that a GPU writes at once
OPTIONS = {"enable_fp_fusion": False}  # each step is rounded, as PyTorch does it
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
    x_sizes,
    y_sizes,
    x_strides,
    before,
    stride_t,
    n_channels: tl.constexpr,
    taps: tl.constexpr,
    block_h: tl.constexpr,
    block_w: tl.constexpr,
    padded: tl.constexpr,
    rows: tl.constexpr,
    channels: tl.constexpr,
):
    """Of x with n_channels to images y [n_positions, padded], of which each program writes `rows` positions."""
    n_programs = (n_positions + rows - 1) // rows  # of an image
    image = tl.program_id(0) // n_programs
    position = tl.program_id(0) % n_programs * rows + tl.arange(0, rows)[:, None]
    t = image % y_sizes[0] * stride_t - before[0]
    h = position // y_sizes[2] * block_h - before[1]
    w = position % y_sizes[2] * block_w - before[2]
    # strides of x: of B, T, H, W, C
    x += (image // y_sizes[0]).to(tl.int64) * x_strides[0] + t.to(tl.int64) * x_strides[1]
    y += (image.to(tl.int64) * n_positions + position) * padded
    # few channels at a time, so that the threads of a warp read neighbouring positions
    n_tiles: tl.constexpr = (padded + channels - 1) // channels
    for tile in tl.static_range(n_tiles):  # pyright: ignore[reportGeneralTypeIssues]  # unrolled
        channel = tile * channels + tl.arange(0, channels)[None, :]
        c, k = channel % n_channels, channel // n_channels % block_w
        j, i = channel // (n_channels * block_w) % block_h, channel // (n_channels * block_w * block_h)
        mask = (position < n_positions) & (channel < padded)
        inside = (i < taps) & (t + i >= 0) & (t + i < x_sizes[0]) & (h + j >= 0) & (h + j < x_sizes[1])
        inside = inside & (w + k >= 0) & (w + k < x_sizes[2]) & mask
        at = h * x_strides[2] + w * x_strides[3]
        at += i * x_strides[1] + j * x_strides[2] + k * x_strides[3] + c * x_strides[4]
        tl.store(y + channel, tl.load(x + at, inside, other=0.0), mask)


def add_and_activate(y: Tensor, bias: Tensor, slope: float) -> Tensor:
    """Add the bias to y [B, C, (T,) H, W] in place, and multiply what is below 0 by the slope; return y."""
    n_channels = y.shape[1]
    n_rows = y.numel() // n_channels
    with torch.cuda.device_of(y):
        _add_and_activate[_grid(n_rows, n_channels)](
            y, bias, slope, n_rows, n_channels, **_block(n_channels), **OPTIONS
        )
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
        _max_pool[_grid(n_rows, n_channels)](x, y, *sizes, **_block(n_channels), **OPTIONS)
    return y


def in_blocks(
    x: Tensor, taps: int, strides: Sequence[int], n_blocks: Sequence[int], before: Sequence[int], padded: int
) -> Tensor:
    """Return x [B, C, T, H, W] as images of blocks; see `utils.nn.gpu.stem.rearranged`."""
    y = x.new_empty(len(x) * n_blocks[0], *n_blocks[1:], padded)
    n_positions = math.prod(n_blocks[1:])
    channels = SECTOR // x.element_size()
    rows = BLOCK // channels
    layout = ((x.stride(0), *x.stride()[2:], x.stride(1)), tuple(before))
    sizes = (n_positions, tuple(x.shape[2:]), tuple(n_blocks), *layout, strides[0])
    grid = (len(y) * triton.cdiv(n_positions, rows),)
    with torch.cuda.device_of(x):
        _in_blocks[grid](x, y, *sizes, x.shape[1], taps, *strides[1:], padded, rows, channels, **OPTIONS)
    return y.movedim(-1, 1)


def _block(n_channels: int) -> dict[str, int]:
    channels = min(triton.next_power_of_2(n_channels), MOST_CHANNELS)
    return {"rows": BLOCK // channels, "channels": channels}


def _grid(n_rows: int, n_channels: int) -> tuple[int, int]:
    block = _block(n_channels)
    return triton.cdiv(n_rows, block["rows"]), triton.cdiv(n_channels, block["channels"])
