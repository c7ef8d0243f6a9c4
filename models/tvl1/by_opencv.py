"""TV-L1 of single pairs on a CPU, to the bit as OpenCV's DualTVL1OpticalFlow computes it.

The flow does not converge to one answer: where images are flat, a change of the last bit moves it by pixels. So each
operation is OpenCV's, in its order, in float32, and none is fused with another, as torch.addcmul would. Images are
sampled, flow is enlarged and filtered by OpenCV itself.
"""

from collections.abc import Iterable

import cv2
import numpy as np
import torch
from numpy.lib.stride_tricks import as_strided
from torch import Tensor

from models.tvl1.preprocess import SCALE_STEP, gradients
from models.tvl1.settings import FLAT, LAMBDA, MEDIAN_SIDE, TAU, THETA, SolverSettings

TAU_THETA, REACH, THETA_32 = np.float32(TAU / THETA), np.float32(LAMBDA * THETA), np.float32(THETA)
ENLARGED = np.float32(1 / SCALE_STEP)
FLOAT_BYTES = 4


def flow_of(levels: Iterable[tuple[Tensor, Tensor]], settings: SolverSettings) -> Tensor:
    """Return the flow in pixels, float32 [2, H, W]. levels: grey levels of both frames [H, W], the coarsest first."""
    flow = None
    for first, second in levels:
        flow = PairLevel(first, second, flow, settings).refine()
    assert flow is not None  # a pyramid has at least the frame
    return torch.from_numpy(flow)


class PairLevel:
    """The flow of one pair at one size.

    Maps are stored one after another, and neighbours are shifts of all of them; see `models.tvl1.step`.

    first, second: grey levels, float32 [H, W]. coarser: flow of the level before, [2, h, w]; None for zero.
    """

    def __init__(self, first: Tensor, second: Tensor, coarser: np.ndarray | None, settings: SolverSettings) -> None:
        height, width = first.shape
        self._settings, self._first = settings, first.numpy()
        self._images = gradients(second[None, None])[0].numpy()
        self._end = np.float32(settings.epsilon**2 * height * width)  # squared change
        self._x, self._y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        self._make_buffers(height, width)
        if coarser is not None:
            for finer, values in zip(self.flow, coarser, strict=True):
                finer[...] = cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR) * ENLARGED

    def _make_buffers(self, height: int, width: int) -> None:
        n = height * width
        of_both = (2, 2, n)  # along x and y, of each component of the flow
        flow = np.zeros(2 * n + width, np.float32)
        self._flow = flow[: 2 * n].reshape(2, n)
        self.flow = self._flow.reshape(2, height, width)
        self._next_flow = _shifted(flow[1:], of_both, (width - 1, n, 1))  # to the right, and below
        dual = np.zeros(2 * (width + 2 * n), np.float32)  # each half begins with a row of zeros
        self._dual = _shifted(dual[width:], of_both, (width + 2 * n, n, 1))
        self._previous_dual = _shifted(dual[width - 1 :], of_both, (2 * n + 1, n, 1))  # to the left, and above
        self._gradient, self._difference = np.empty((2, *of_both), np.float32)
        self._product, self._change, self._norm = np.empty((3, 2, n), np.float32)
        self._distance, self._share = np.empty((2, n), np.float32)
        self._is_far = np.empty(n, bool)
        maps = self._gradient.reshape(2, 2, height, width)
        self._last_column, self._last_row = maps[0, ..., -1], maps[1, ..., -1, :]
        self._first_column = self._change.reshape(2, height, width)[..., 0]
        self._dual_there = _shifted(dual[width:], (2, 2, height), (width + 2 * n, n, width))
        self._dual_above = _shifted(dual[width + 2 * n :], (2, height), (n, width))

    def refine(self) -> np.ndarray:
        """Return the flow in pixels, [2, H, W], after all warps."""
        for _ in range(self._settings.warps):
            self._warp()
            self._iterate()
        return self.flow

    def _warp(self) -> None:
        """Sample the second image where the flow points, and linearize its difference to the first one there."""
        u, v = self.flow
        x, y = self._x + u, self._y + v
        image, along_x, along_y = (cv2.remap(each, x, y, cv2.INTER_CUBIC) for each in self._images)
        self._slope = np.stack((along_x, along_y)).reshape(2, -1)
        squared = (along_x * along_x + along_y * along_y).reshape(-1)
        self._offset = (image - along_x * u - along_y * v - self._first).reshape(-1)
        self._divisor = np.where(squared > FLAT, -squared, -np.inf).astype(np.float32)
        self._highest = REACH * squared
        self._lowest = -self._highest

    def _iterate(self) -> None:
        """Take steps until the flow hardly changes, at most rounds * steps of them."""
        for _ in range(self._settings.rounds):
            if self._settings.median:
                for component in self.flow:
                    component[...] = cv2.medianBlur(component, MEDIAN_SIDE)
            for _ in range(self._settings.steps):
                self._change_flow()
                has_ended = self._has_ended()
                self._change_dual()
                if has_ended:
                    return

    def _change_flow(self) -> None:
        np.multiply(self._slope, self._flow, out=self._product)
        np.add(*self._product, out=self._distance)
        self._distance += self._offset
        np.divide(self._distance, self._divisor, out=self._share)
        np.less(self._distance, self._lowest, out=self._is_far)
        np.putmask(self._share, self._is_far, REACH)
        np.greater(self._distance, self._highest, out=self._is_far)
        np.putmask(self._share, self._is_far, -REACH)
        np.multiply(self._slope, self._share, out=self._product)
        self._product += self._flow
        np.subtract(self._dual, self._previous_dual, out=self._difference)
        np.add(*self._difference, out=self._change)  # the divergence
        np.add(*self._dual_there, out=self._first_column)  # there, OpenCV adds before it subtracts
        self._first_column -= self._dual_above
        self._change *= THETA_32
        self._product += self._change
        np.subtract(self._product, self._flow, out=self._change)
        self._flow[...] = self._product

    def _has_ended(self) -> bool:
        """Return whether the squared change is at most the end, summed as OpenCV does where rounding may decide it."""
        flat = self._change.reshape(-1)
        total = np.dot(flat, flat)
        if abs(total - self._end) <= total * flat.size * np.finfo(np.float32).eps:
            squared = np.square(self._change)
            total = np.add.accumulate(squared[0] + squared[1])[-1]  # pixel after pixel
        return bool(total <= self._end)

    def _change_dual(self) -> None:
        np.subtract(self._next_flow, self._flow, out=self._gradient)
        self._last_column[...] = self._last_row[...] = 0
        # as OpenCV by the C library; torch's takes a quarter of the time, and rounds otherwise
        np.hypot(*self._gradient, out=self._norm)
        self._norm *= TAU_THETA
        self._norm += 1
        self._gradient *= TAU_THETA
        self._dual += self._gradient
        self._dual /= self._norm


def _shifted(array: np.ndarray, shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    """Return a view from the array's start on. strides: in numbers."""
    return as_strided(array, shape, tuple(FLOAT_BYTES * stride for stride in strides))
