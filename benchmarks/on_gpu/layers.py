"""Layers as `utils.nn.gpu` computes them against PyTorch's own, a row each: how far off, and both times."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.on_gpu.common import Options, Out, timed_ms
from utils.nn.cpu.layout import CHANNELS_LAST
from utils.nn.gpu import convolution, stem, support
from utils.nn.gpu.cat import rows_joined
from utils.nn.gpu.convolution import PLAIN
from utils.nn.gpu.pooling import max_pool_uneven
from utils.nn.prepare import ComputeMode, set_process_flags

TOLERANCE = {"float32": 1e-5, "tf32": 2e-3, "bf16": 2e-2}
Work = Callable[[], Tensor]
POOLS = {  # of I3D at 8 clips: channels, frames and side of the input, kernel, stride, padding
    "pool_2a": (64, (32, 112, 112), (1, 3, 3), (1, 2, 2), [(0, 0), (0, 1), (0, 1)]),
    "pool_3a": (192, (32, 56, 56), (1, 3, 3), (1, 2, 2), [(0, 0), (0, 1), (0, 1)]),
    "pool_4a": (480, (32, 28, 28), (3, 3, 3), (2, 2, 2), [(0, 1)] * 3),
    "pool_5a": (832, (16, 14, 14), (2, 2, 2), (2, 2, 2), [(0, 0)] * 3),
    "pool of mixed_3b": (192, (32, 28, 28), (3, 3, 3), (1, 1, 1), [(1, 1)] * 3),
}
STEMS = {  # samples, channels out, sizes of the input, kernel, stride, padding
    "I3D": (8, 64, (64, 224, 224), (7, 7, 7), (2, 2, 2), (2, 3)),
    "SlowFast, fast": (8, 8, (32, 256, 256), (5, 7, 7), (1, 2, 2), (3, 3)),
    "ResNet": (64, 64, (224, 224), (7, 7), (2, 2), (3, 3)),
}
SUMS = {  # samples, channels in and out, sizes, kernel
    "ResNet, 1x1": (64, 64, 256, (56, 56), 1),
    "ResNet-18, 3x3": (64, 128, 128, (28, 28), 3),
    "SlowFast, 1x1x1": (8, 64, 256, (8, 64, 64), 1),
    "I3D, 3x3x3": (8, 128, 192, (32, 28, 28), 3),
}
BIASES = {"PWC-Net": (15, 128, 64, 96), "PWC-Net, 196 channels": (15, 196, 4, 6), "I3D": (8, 192, 32, 56, 56)}
LEAKY = 0.1


def measure(out: Out, options: Options) -> None:
    """Check and measure each."""
    device = options.torch_device
    for name in support.TRIALS:
        out.row(name=f"kernel {name}", ok=support.kernel(name) is not None or not options.on_gpu)
    for name in POOLS:
        with out.guarded(name=name):
            _pool(out, name, device, options.tiny)
    with out.guarded(name="channels side by side"):
        _cat(out, device, options.tiny)
    for name in BIASES:
        with out.guarded(name=f"bias and leaky ReLU, {name}"):
            _bias(out, name, device, options.tiny)
    for precision in ("tf32", "bf16") if options.on_gpu else ("float32",):
        set_process_flags(ComputeMode(precision), device)
        for name in STEMS:
            with out.guarded(name=f"stem of {name}", precision=precision):
                _stem(out, name, precision, options)
        for name in SUMS:
            with out.guarded(name=f"in one call, {name}", precision=precision):
                _in_one_call(out, name, precision, options)


def _random(shape: Sequence[int], precision: str, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # as weights are made
        x = torch.randn(shape, device=device).to(ComputeMode(precision).dtype)
        return x.contiguous(memory_format=CHANNELS_LAST[len(shape)]) if len(shape) in CHANNELS_LAST else x


def _compare(out: Out, plain: Work, ours: Work, device: torch.device, most: float, **what: Any) -> None:
    """Write how far ours is from the plain way, and the time of both.

    Ours runs over memory full of NaN: cuDNN is given its output, not yet written, as a term with the factor 0.
    """
    expected = plain()
    ours()  # cuDNN searches its algorithms
    junk = [torch.full_like(expected, float("nan")) for _ in range(3)]
    del junk
    error = float((ours().float() - expected.float()).norm() / expected.float().norm())
    ms = {"plain_ms": timed_ms(plain, device, inner=3), "ours_ms": timed_ms(ours, device, inner=3)}
    out.row(**what, relative_error=error, **ms, ok=error <= most)


def _pool(out: Out, name: str, device: torch.device, tiny: bool) -> None:
    n_channels, sizes, kernel, stride, padding = POOLS[name]
    x = _random((1, 16, 4, 8, 8) if tiny else (8, n_channels, *sizes), "bf16", device).relu_()
    zeros = [count for ends in reversed(padding) for count in ends]

    def plain() -> Tensor:
        return F.max_pool3d(F.pad(x, zeros), kernel, stride)

    def ours() -> Tensor:
        y = max_pool_uneven(x, kernel, stride, padding)
        return plain() if y is None else y

    _compare(out, plain, ours, device, 0.0, name=name)


def _cat(out: Out, device: torch.device, tiny: bool) -> None:
    """Compare both ways of joining the branches of mixed_3c."""
    sizes = (1, 2, 4, 4) if tiny else (8, 32, 28, 28)
    parts = [_random((sizes[0], n, *sizes[1:]), "bf16", device) for n in (128, 192, 96, 64)]
    _compare(out, lambda: torch.cat(parts, 1), lambda: rows_joined(parts), device, 0.0, name="channels side by side")


def _bias(out: Out, name: str, device: torch.device, tiny: bool) -> None:
    """Compare both passes after a copy, without which the values would grow."""
    y = _random(BIASES[name][:2] + (2,) * (len(BIASES[name]) - 2) if tiny else BIASES[name], "bf16", device)
    bias = _random((y.shape[1],), "bf16", device)

    def plain() -> Tensor:
        return F.leaky_relu_(y.clone().add_(bias.view(-1, *[1] * (y.ndim - 2))), LEAKY)

    def ours() -> Tensor:
        return convolution.add_and_activate(y.clone(), bias, LEAKY)

    copy_ms = timed_ms(y.clone, device, inner=3)
    _compare(out, plain, ours, device, TOLERANCE["bf16"], name=f"bias and leaky ReLU, {name}", copy_ms=copy_ms)


def _stem(out: Out, name: str, precision: str, options: Options) -> None:
    n_samples, n_out, lengths, kernel, stride, ends = STEMS[name]
    device, n_dims = options.torch_device, len(kernel)
    x = _random((1, 3, *[16] * n_dims) if options.tiny else (n_samples, 3, *lengths), precision, device)
    weight, bias = _random((n_out, 3, *kernel), precision, device), _random((n_out,), precision, device)
    weight.mul_((3 * math.prod(kernel)) ** -0.5)

    def plain() -> Tensor:
        return F.relu_(PLAIN[x.ndim](F.pad(x, ends * n_dims), weight, bias, stride))

    def ours() -> Tensor:
        return convolution.convolve_in_blocks(x, weight, bias, stride, [ends] * n_dims, 0.0)

    rearranging_ms = timed_ms(lambda: stem.in_blocks(x, weight, stride, [ends] * n_dims)[0], device, inner=3)
    what = {"name": f"stem of {name}", "precision": precision, "rearranging_ms": rearranging_ms}
    _compare(out, plain, ours, device, TOLERANCE[precision], **what)


def _in_one_call(out: Out, name: str, precision: str, options: Options) -> None:
    n_samples, n_in, n_out, lengths, size = SUMS[name]
    device, n_dims = options.torch_device, len(lengths)
    x = _random((1, n_in, *[4] * n_dims) if options.tiny else (n_samples, n_in, *lengths), precision, device)
    weight, bias = _random((n_out, n_in, *[size] * n_dims), precision, device), _random((n_out,), precision, device)
    weight.mul_((n_in * size**n_dims) ** -0.5)
    ones = [1] * n_dims
    sizes = (ones, [size // 2] * n_dims, ones, 1)
    convolve = PLAIN[x.ndim]
    other = _random(convolve(x, weight, bias, *sizes).shape, precision, device)
    ways: dict[str, tuple[Work, Work]] = {
        "ReLU": (
            lambda: F.relu_(convolve(x, weight, bias, *sizes)),
            lambda: convolution.convolve(x, weight, bias, *sizes, 0.0),
        ),
        "sum and ReLU": (
            lambda: F.relu_(convolve(x, weight, bias, *sizes).add_(other)),
            lambda: convolution.add_and_relu(x, weight, bias, other, *sizes),
        ),
    }
    for way, (plain, ours) in ways.items():
        _compare(out, plain, ours, device, TOLERANCE[precision], name=f"{way} in one call, {name}", precision=precision)
