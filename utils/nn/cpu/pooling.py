"""Max pooling of values that are at least 0, so that zero padding changes nothing."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Tap(NamedTuple):
    """One position in the pooling window: output i, for start <= i < stop, sees input stride * i + offset."""

    start: int
    stop: int
    offset: int


def max_pool(x: Tensor, kernel: Sequence[int], stride: Sequence[int], zeros: Sequence[tuple[int, int]]) -> Tensor:
    """Return the largest value of each window of x [B, C, T, H, W], computed one dimension after the other.

    The result is exact: a maximum of maxima is the maximum of the window. PyTorch's pooling on a CPU also finds the
    position of each maximum, which takes two to four times as long.

    x: at least 0. zeros: padding before and after T, H and W.
    """
    for axis in range(3):
        if kernel[axis] > 1 or stride[axis] > 1:
            x = _along(x, axis + 2, kernel[axis], stride[axis], zeros[axis])
    return x


def _along(x: Tensor, dim: int, kernel: int, stride: int, zeros: tuple[int, int]) -> Tensor:
    """Return the maxima along one dimension."""
    length = x.shape[dim]
    n_outputs = (length + sum(zeros) - kernel) // stride + 1
    taps = [_tap(position - zeros[0], stride, length, n_outputs) for position in range(kernel)]
    whole = [tap for tap in taps if tap.stop - tap.start == n_outputs]
    partial = [tap for tap in taps if 0 < tap.stop - tap.start < n_outputs]
    if not whole:  # windows wider than the input: some output sees only zeros
        shape = [*x.shape[:dim], n_outputs, *x.shape[dim + 1 :]]
        result = x.new_zeros(shape)
    elif len(whole) > 1:
        result = torch.maximum(_seen(x, dim, whole[0], stride), _seen(x, dim, whole[1], stride))
    else:
        result = _seen(x, dim, whole[0], stride).clone()
    for tap in [*whole[2:], *partial]:
        part = result.narrow(dim, tap.start, tap.stop - tap.start)
        if torch.compiler.is_compiling():  # a compiler refuses a view as `out`, and needs none
            part.copy_(torch.maximum(part, _seen(x, dim, tap, stride)))
        else:
            torch.maximum(part, _seen(x, dim, tap, stride), out=part)
    return result


def _tap(offset: int, stride: int, length: int, n_outputs: int) -> Tap:
    """Return the tap at `offset`, with the outputs that see the input there, not its padding."""
    start = max(0, -(offset // stride))  # offset // stride rounds down: the first output at or after the edge
    stop = min(n_outputs, (length - 1 - offset) // stride + 1)
    return Tap(start, max(start, stop), offset)


def _seen(x: Tensor, dim: int, tap: Tap, stride: int) -> Tensor:
    """Return the input that the outputs of a tap see, a view."""
    first = stride * tap.start + tap.offset
    index = [slice(None)] * x.ndim
    index[dim] = slice(first, first + stride * (tap.stop - tap.start - 1) + 1, stride)
    return x[tuple(index)]
