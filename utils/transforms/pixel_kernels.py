"""The resizes of Pillow and of OpenCV, swscale's conversion to RGB and the normalization, as Triton kernels.

They compute the same integers, or round the same floats, as the tensor operations that they stand in for.

Import this module only where `kernels.usable`. Nothing is specialized, so that each kernel is compiled once for frames
of all sizes.
"""

from collections.abc import Sequence
from typing import Any

import torch
import triton
from torch import Tensor
from triton import language as tl

VALUES = tl.constexpr(256)  # that a program computes
OPTIONS = {"num_warps": 2, "enable_fp_fusion": False}  # so each thread computes 4 of them, and rounds each step
COLOURS = tl.constexpr(3)
jit: Any = triton.jit  # whose types do not know how kernels are called


def sum_taps(frames: Tensor, dim: int, positions: Tensor, weights: Tensor, weight_bits: int) -> Tensor:
    """Return uint8 [n, H, W, 3] with dimension 1 or 2 resized: sums of weighted neighbours, rounded and clamped.

    frames: uint8 [n, H, W, 3].
    positions: of the first neighbour of each output value, int32 [1 or more, n_out]; only the first row is read.
    weights: int32 [n_taps, n_out], in 2**-weight_bits.
    """
    frames = _with_dense_rows(frames)
    n_taps, n_out = weights.shape
    shape = (*frames.shape[:dim], n_out, *frames.shape[dim + 1 :])
    result = torch.empty(shape, dtype=torch.uint8, device=frames.device)
    height, step = (frames.shape[1], 3) if dim == 2 else (1, frames.shape[2] * 3)
    grid = (len(frames) * height * triton.cdiv(n_out * step, VALUES.value),)
    strides = (*frames.stride()[:2], frames.stride(dim))
    sizes = (height, step, n_out, n_taps, frames.shape[dim] - 1, weight_bits)
    with torch.cuda.device_of(frames):
        _sum_taps[grid](frames, result, positions, weights, *strides, *sizes, **OPTIONS)
    return result


def interpolate(frames: Tensor, columns: tuple[Tensor, ...], rows: tuple[Tensor, ...]) -> Tensor:
    """Return uint8 [n, h, w, 3], as `opencv.resize_fixed_point` computes them.

    frames: uint8 [n, H, W, 3].
    columns, rows: of each output column or row, the two input positions (int64) and their weights (int32, in 1/2048).
    """
    frames = _with_dense_rows(frames)
    height, width = len(rows[0]), len(columns[0])
    result = torch.empty((len(frames), height, width, 3), dtype=torch.uint8, device=frames.device)
    grid = (len(frames) * height * triton.cdiv(width * 3, VALUES.value),)
    sizes = (*frames.stride()[:2], height, width)
    with torch.cuda.device_of(frames):
        _interpolate[grid](frames, result, *columns, *rows, *sizes, **OPTIONS)
    return result


def yuv_to_rgb(luma: Tensor, chroma: Tensor, factors: Sequence[int]) -> Tensor:
    """Return uint8 [n, H, W, 3], as `yuv.to_rgb` computes them.

    luma: uint8 [n, H, W]. chroma: uint8 [n, H / 2, W / 2, 2]. factors: as `yuv.integers` returns them.
    """
    n, height, width = luma.shape
    result = torch.empty((n, height, width, 3), dtype=torch.uint8, device=luma.device)
    grid = (n * height * triton.cdiv(width, VALUES.value),)
    with torch.cuda.device_of(luma):
        _yuv_to_rgb[grid](luma, chroma, result, *luma.stride(), *chroma.stride(), height, width, *factors, **OPTIONS)
    return result


def normalize(
    pixels: Tensor, mean: Sequence[float], std: Sequence[float], divisor: float, dtype: torch.dtype
) -> Tensor:
    """Return (pixels / divisor - mean) / std of a type, as `floats.normalize` computes it.

    pixels: uint8 [..., 3]. mean, std: of each colour.
    """
    pixels = pixels.contiguous()
    result = torch.empty(pixels.shape, dtype=dtype, device=pixels.device)
    grid = (triton.cdiv(pixels.numel(), VALUES.value),)
    numbers = map(float, (divisor, *mean, *std))  # published configurations have whole ones, too: another type here
    with torch.cuda.device_of(pixels):
        _normalize[grid](pixels, result, pixels.numel(), *numbers, **OPTIONS)
    return result


def _with_dense_rows(frames: Tensor) -> Tensor:
    """Return frames whose rows of pixels have no gaps; there may be some between rows."""
    return frames if frames.stride()[2:] == (3, 1) else frames.contiguous()


@jit(do_not_specialize=range(13))
def _sum_taps(
    frames,
    result,
    positions,
    weights,
    frame_stride,
    row_stride,
    tap_stride,
    height,
    step,
    n_out,
    n_taps,
    last,
    weight_bits,
) -> None:
    """Compute VALUES bytes of a row of pixels, or, where the height is resized, of a frame: a row of rows.

    step: bytes in turn that have the same weights.
    """
    n_blocks = (n_out * step + VALUES - 1) // VALUES
    row = tl.program_id(0) // n_blocks
    value = tl.program_id(0) % n_blocks * VALUES + tl.arange(0, VALUES)
    inside, out, offset = value < n_out * step, value // step, value % step
    start = frames + row // height * frame_stride.to(tl.int64) + row % height * row_stride
    first = tl.load(positions + out, mask=inside)
    total = tl.full((VALUES,), 1, tl.int32) << (weight_bits - 1)  # a half
    for tap in range(n_taps):
        weight = tl.load(weights + tap * n_out + out, mask=inside)  # 0 past the last position
        place = tl.minimum(first + tap, last) * tap_stride + offset
        total += tl.load(start + place, mask=inside).to(tl.int32) * weight
    rounded = tl.minimum(tl.maximum(total >> weight_bits, 0), 255)
    tl.store(result + row.to(tl.int64) * n_out * step + value, rounded.to(tl.uint8), mask=inside)


@jit(do_not_specialize=range(14))
def _interpolate(
    frames,
    result,
    left,
    right,
    left_weight,
    right_weight,
    upper,
    lower,
    upper_weight,
    lower_weight,
    frame_stride,
    row_stride,
    height,
    width,
) -> None:
    """Compute VALUES bytes of a row."""
    n_blocks = (width * COLOURS + VALUES - 1) // VALUES
    row = tl.program_id(0) // n_blocks
    value = tl.program_id(0) % n_blocks * VALUES + tl.arange(0, VALUES)
    inside, column = value < width * COLOURS, value // COLOURS
    near, far = tl.load(left + column, mask=inside), tl.load(right + column, mask=inside)
    near, far = near * COLOURS + value % COLOURS, far * COLOURS + value % COLOURS
    near_weight, far_weight = tl.load(left_weight + column, mask=inside), tl.load(right_weight + column, mask=inside)
    frame, down = frames + row // height * frame_stride.to(tl.int64), row % height
    above, below = frame + tl.load(upper + down) * row_stride, frame + tl.load(lower + down) * row_stride
    total = tl.full((VALUES,), 2, tl.int32)
    upper_row = tl.load(above + near, mask=inside).to(tl.int32) * near_weight
    upper_row += tl.load(above + far, mask=inside).to(tl.int32) * far_weight
    total += ((upper_row >> 4) * tl.load(upper_weight + down)) >> 16
    lower_row = tl.load(below + near, mask=inside).to(tl.int32) * near_weight
    lower_row += tl.load(below + far, mask=inside).to(tl.int32) * far_weight
    total += ((lower_row >> 4) * tl.load(lower_weight + down)) >> 16
    tl.store(result + row.to(tl.int64) * width * COLOURS + value, (total >> 2).to(tl.uint8), mask=inside)


@jit(do_not_specialize=range(3, 20))
def _yuv_to_rgb(
    luma,
    chroma,
    result,
    frame_stride,
    row_stride,
    column_stride,
    chroma_frame_stride,
    chroma_row_stride,
    chroma_column_stride,
    part_stride,
    height,
    width,
    scale,
    offset,
    u_red,
    u_green,
    u_blue,
    v_red,
    v_green,
    v_blue,
) -> None:
    """Compute VALUES pixels of a row."""
    n_blocks = (width + VALUES - 1) // VALUES
    row = tl.program_id(0) // n_blocks
    column = tl.program_id(0) % n_blocks * VALUES + tl.arange(0, VALUES)
    inside, frame, down = column < width, (row // height).to(tl.int64), row % height
    bright = tl.load(luma + frame * frame_stride + down * row_stride + column * column_stride, mask=inside)
    bright = ((8 * bright.to(tl.int32) - offset) * scale) >> 16
    of_u = chroma + frame * chroma_frame_stride + down // 2 * chroma_row_stride + column // 2 * chroma_column_stride
    u = 8 * (tl.load(of_u, mask=inside).to(tl.int32) - 128)
    v = 8 * (tl.load(of_u + part_stride, mask=inside).to(tl.int32) - 128)
    red = bright + ((u * u_red) >> 16) + ((v * v_red) >> 16)
    green = bright + ((u * u_green) >> 16) + ((v * v_green) >> 16)
    blue = bright + ((u * u_blue) >> 16) + ((v * v_blue) >> 16)
    out = result + (row.to(tl.int64) * width + column) * 3
    tl.store(out, tl.minimum(tl.maximum(red, 0), 255).to(tl.uint8), mask=inside)
    tl.store(out + 1, tl.minimum(tl.maximum(green, 0), 255).to(tl.uint8), mask=inside)
    tl.store(out + 2, tl.minimum(tl.maximum(blue, 0), 255).to(tl.uint8), mask=inside)


@jit(do_not_specialize=range(2, 10))
def _normalize(
    pixels,
    result,
    n_values,
    divisor,
    red_mean,
    green_mean,
    blue_mean,
    red_std,
    green_std,
    blue_std,
) -> None:
    """Compute VALUES values."""
    first = tl.program_id(0).to(tl.int64) * VALUES
    value = tl.arange(0, VALUES)
    inside, colour = first + value < n_values, (first % COLOURS + value) % COLOURS
    mean = tl.where(colour == 0, red_mean, tl.where(colour == 1, green_mean, blue_mean))
    std = tl.where(colour == 0, red_std, tl.where(colour == 1, green_std, blue_std))
    pixel = tl.load(pixels + first + value, mask=inside).to(tl.float32)
    # the plain division of Triton does not round as PyTorch's
    normalized = tl.div_rn(tl.div_rn(pixel, divisor) - mean, std)
    tl.store(result + first + value, normalized.to(result.dtype.element_ty), mask=inside)
