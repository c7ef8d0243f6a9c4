"""Reproducible random weights: each tensor comes from a generator seeded by its name."""

import zlib
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

BLOCK = 1 << 15


def draw(name: str, shape: tuple[int, ...], layout: str = "torch") -> np.ndarray:
    """Return the float32 tensor called `name`, drawn from a generator seeded by the name.

    layout: "torch" (fan-in is every dimension but the first) or "tf" (every dimension but the last).
    """
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith(("running_var", "moving_variance")):
        return _filled(shape, lambda n: rng.uniform(0.5, 1.5, n))
    if name.endswith(("running_mean", "moving_mean")):
        return _filled(shape, lambda n: rng.normal(0.0, 0.1, n))
    if len(shape) <= 1 and name.endswith("weight"):  # the scale of a normalization layer
        return _filled(shape, lambda n: rng.uniform(0.5, 1.5, n))
    if len(shape) <= 1:
        return _filled(shape, lambda n: rng.normal(0.0, 0.1, n))
    fan_in = int(np.prod(shape[1:] if layout == "torch" else shape[:-1]))
    return _filled(shape, lambda n: rng.normal(0.0, (2.0 / fan_in) ** 0.5, n))


def _filled(shape: tuple[int, ...], drawn: Callable[[int], np.ndarray]) -> np.ndarray:
    """Return the next values of a generator, drawn in blocks: float64 values of large layers would miss the caches."""
    values = np.empty(int(np.prod(shape)), np.float32)
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        block[:] = drawn(len(block))
    return values.reshape(shape)


def fill_random(network: nn.Module, scale: dict[str, float] | None = None) -> None:
    """Fill every floating-point tensor of `network` in place; `scale` multiplies some, by name."""
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point():
                drawn = torch.from_numpy(draw(name, tuple(tensor.shape)))
                if scale and name in scale:
                    drawn *= scale[name]
                tensor.copy_(drawn)
