"""The resize of OpenCV, which mmaction2 uses: bilinear in 8 bits and fixed point, to the bit, on any device."""

from functools import cache

import cv2
import numpy as np
import torch
from torch import Tensor

from utils.transforms.kernels import usable

WEIGHT_ONE = 2048  # weights are whole numbers of 1/2048


def resize_opencv(frames: Tensor, size: tuple[int, int]) -> Tensor:
    """Return uint8 [n, h, w, 3], each frame as cv2.resize returns it with INTER_LINEAR: no antialiasing.

    frames: uint8 [n, H, W, 3] on any device; returned unchanged if they have the size already.
    size: (h, w).
    """
    if tuple(frames.shape[1:3]) == tuple(size):
        return frames
    if frames.device.type != "cpu":
        return resize_fixed_point(frames, size)
    height, width = size
    resized = torch.empty((frames.shape[0], height, width, 3), dtype=torch.uint8)
    for frame, target in zip(frames.contiguous().numpy(), resized.numpy(), strict=True):
        cv2.resize(frame, (width, height), dst=target, interpolation=cv2.INTER_LINEAR)
    return resized


def resize_fixed_point(frames: Tensor, size: tuple[int, int]) -> Tensor:
    """Return what `resize_opencv` returns, by integers on the device of the frames.

    Rows have 11 bits of fraction, of which 7 are left when two rows are added; the sum is rounded once.
    """
    columns = _columns(frames.shape[2], size[1], frames.device)
    lines = _rows(frames.shape[1], size[0], frames.device)
    if usable(frames.device):
        from utils.transforms.pixel_kernels import interpolate

        return interpolate(frames, columns, lines)
    left, right, left_weight, right_weight = columns
    rows = frames.index_select(2, left) * left_weight  # int32, up to 255 * 2048
    rows += frames.index_select(2, right) * right_weight
    rows >>= 4
    upper, lower, upper_weight, lower_weight = lines
    total = (rows.index_select(1, upper) * upper_weight) >> 16
    total += (rows.index_select(1, lower) * lower_weight) >> 16
    return ((total + 2) >> 2).to(torch.uint8)


@cache  # for good: CUDA graphs keep the addresses. Without it every call would copy the taps to the device
def _columns(n_in: int, n_out: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the two input columns of each output column, and their weights, int32 [n_out, 1].

    Past an edge the outermost column has all the weight.
    """
    first, fraction = _positions(n_in, n_out)
    outside = (first < 0) | (first >= n_in - 1)
    first, fraction = np.clip(first, 0, n_in - 1), np.where(outside, np.float32(0), fraction)
    return _taps(first, np.minimum(first + 1, n_in - 1), fraction, (-1, 1), device)


@cache
def _rows(n_in: int, n_out: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the two input rows of each output row, and their weights, int32 [n_out, 1, 1].

    Past an edge both are the outermost row with two weights, whose sum may round differently from one.
    """
    first, fraction = _positions(n_in, n_out)
    return _taps(np.clip(first, 0, n_in - 1), np.clip(first + 1, 0, n_in - 1), fraction, (-1, 1, 1), device)


def _positions(n_in: int, n_out: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the input pixel before each output pixel, int64, and the distance from it, float32 in 0..1."""
    centers = ((np.arange(n_out) + 0.5) * (n_in / n_out) - 0.5).astype(np.float32)
    first = np.floor(centers)
    return first.astype(np.int64), centers - first


def _taps(
    first: np.ndarray, second: np.ndarray, fraction: np.ndarray, shape: tuple[int, ...], device: torch.device
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return both positions (int64) and both weights (int32 in `shape`, ties rounded to even) on the device."""
    one = np.float32(1)
    weights = [np.rint(part * np.float32(WEIGHT_ONE)).astype(np.int32) for part in (one - fraction, fraction)]
    positions = [torch.from_numpy(places).to(device) for places in (first, second)]
    near, far = (torch.from_numpy(weight).view(shape).to(device) for weight in weights)
    return positions[0], positions[1], near, far
