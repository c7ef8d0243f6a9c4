"""Pillow's resize, to the bit, on any device."""

from collections.abc import Callable
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from utils.transforms.geometry import Region
from utils.transforms.kernels import usable

Filter = Literal["bilinear", "bicubic", "lanczos"]

WEIGHT_BITS = 22  # of Pillow's integer weights: 32, less 8 for the pixel and 2 to spare
PILLOW_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def resize_pillow(
    frames: Tensor, size: tuple[int, int], filter: Filter = "bilinear", part: Region | None = None
) -> Tensor:
    """Return uint8 [n, h, w, 3], each frame resized as Image.resize of Pillow 3.3 to 12 does, to the bit.

    The width is resized first, then the height. Pillow 13 starts with the height where that drops more than twice as
    many pixels as the width (python-pillow/Pillow#9549), which rounds tall videos differently; features published so
    far were made with older versions.

    frames: uint8 [n, H, W, 3] on any device; returned unchanged if they have the size already.
    size: (h, w).
    part: the region of the resized frames to return (default: all); the rest is not computed.
    """
    if tuple(frames.shape[1:3]) == tuple(size):
        return part.of(frames) if part else frames
    if frames.device.type != "cpu":
        return resize_by_taps(frames, size, filter, part)
    top, left, height, width = part or Region(0, 0, *size)
    resized = torch.empty((frames.shape[0], height, width, 3), dtype=torch.uint8)
    for frame, target in zip(frames.numpy(), resized.numpy(), strict=True):
        image = Image.fromarray(frame)  # in two calls, so that no version can swap the passes
        wide = image.resize((size[1], image.height), PILLOW_FILTERS[filter]).crop((left, 0, left + width, image.height))
        target[...] = wide.resize((width, size[0]), PILLOW_FILTERS[filter]).crop((0, top, width, top + height))
    return resized


def resize_pillow_13(frames: Tensor, size: tuple[int, int], filter: Filter = "bilinear") -> Tensor:
    """Return uint8 [n, h, w, 3], each frame resized as Image.resize of Pillow 13 does, to the bit, on any device.

    frames: uint8 [n, H, W, 3]. size: (h, w).
    """
    height, width = frames.shape[1:3]
    if height - size[0] > max(2 * (width - size[1]), 0):
        frames = resize_pillow(frames, (size[0], width), filter)
    return resize_pillow(frames, size, filter)


def resize_by_taps(
    frames: Tensor, size: tuple[int, int], filter: Filter = "bilinear", part: Region | None = None
) -> Tensor:
    """Return what `resize_pillow` returns, by integers on the device of the frames.

    The result of the horizontal pass is rounded to uint8 before the vertical one.
    """
    top, left, height, width = part or Region(0, 0, *size)
    passes: list[tuple[int, Taps]] = []
    for dim, n_out, start, n in ((2, size[1], left, width), (1, size[0], top, height)):
        if frames.shape[dim] == n_out:
            frames = frames.narrow(dim, start, n)
        else:
            taps = _taps(frames.shape[dim], n_out, filter, start, n, frames.device)
            frames = frames.narrow(dim, taps.start, taps.n_in)
            passes.append((dim, taps))
    for dim, taps in passes:
        frames = _resize_dim(frames, dim, taps)
    return frames


class Taps(NamedTuple):
    """The weighted input values of which each output value along a dimension is the sum.

    start, n_in: the part of the input that they are taken from.
    positions: in that part, int32 [n_taps, n_out]. weights: int32 [n_taps, n_out].
    """

    start: int
    n_in: int
    positions: Tensor
    weights: Tensor


def _resize_dim(frames: Tensor, dim: int, taps: Taps) -> Tensor:
    """Return uint8 [n, H, W, 3] with one dimension resized."""
    if usable(frames.device):
        from utils.transforms.pixel_kernels import sum_taps

        return sum_taps(frames, dim, taps.positions, taps.weights, WEIGHT_BITS)
    shape = [*frames.shape[:dim], taps.weights.shape[1], *frames.shape[dim + 1 :]]
    total = torch.full(shape, 1 << (WEIGHT_BITS - 1), dtype=torch.int32, device=frames.device)  # a half
    for position, weight in zip(taps.positions, taps.weights, strict=True):
        total += frames.index_select(dim, position) * weight.view(-1, *[1] * (3 - dim))
    return (total >> WEIGHT_BITS).clamp_(0, 255).to(torch.uint8)


@cache  # for good: CUDA graphs keep the addresses. Without it every call would copy the taps to the device
def _taps(n_in: int, n_out: int, filter: Filter, start: int, n: int, device: torch.device) -> Taps:
    """Return the taps of `n` output values from `start` on, of `n_out`."""
    positions, weights = (table[:, start : start + n] for table in pillow_taps(n_in, n_out, filter))
    first, last = int(positions.min()), int(positions.max())
    on_device = (torch.from_numpy(table.astype(np.int32)).to(device) for table in (positions - first, weights))
    return Taps(first, last - first + 1, *on_device)


def pillow_taps(n_in: int, n_out: int, filter: Filter) -> tuple[np.ndarray, np.ndarray]:
    """Return the input positions (int64) and Pillow's weights (int32, in 2**-22), both [n_taps, n_out].

    When shrinking, the support of the filter grows with the scale (antialiasing). Taps past the end of the input have
    weight 0. The operations are in Pillow's order, since each rounds in float64.
    """
    support, kernel = KERNELS[filter]
    scale = n_in / n_out
    stretch = max(scale, 1.0)
    support *= stretch
    centers = (np.arange(n_out) + 0.5) * scale
    starts = np.maximum((centers - support + 0.5).astype(np.int64), 0)
    stops = np.minimum((centers + support + 0.5).astype(np.int64), n_in)
    positions = starts + np.arange((stops - starts).max())[:, None]
    weights = kernel(np.abs((positions - centers + 0.5) * (1.0 / stretch)))
    weights[positions >= stops] = 0.0
    sums = np.zeros(n_out)
    for row in weights:  # in order: numpy's sum adds in pairs
        sums += row
    scaled = weights / sums * (1 << WEIGHT_BITS)
    rounded = np.trunc(scaled + np.copysign(0.5, scaled)).astype(np.int32)
    return np.minimum(positions, n_in - 1), rounded


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.where(x < 1.0, 1.0 - x, 0.0)


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution kernel with a = -0.5 (doi:10.1109/TASSP.1981.1163711)."""
    a = -0.5
    near = ((a + 2.0) * x - (a + 3.0)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))


def _lanczos(x: np.ndarray) -> np.ndarray:
    return np.where(x < 3.0, np.sinc(x) * np.sinc(x / 3), 0.0)


KERNELS: dict[str, tuple[float, Callable[[np.ndarray], np.ndarray]]] = {
    "bilinear": (1.0, _triangle),  # half width in input pixels, and the kernel of the distance
    "bicubic": (2.0, _cubic),
    "lanczos": (3.0, _lanczos),
}
