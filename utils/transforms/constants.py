"""Constants on a device, copied there once: a copy in every batch would make the host wait for the device."""

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor


def constant(values: Sequence[float] | Sequence[int], device: torch.device) -> Tensor:
    """Return numbers as a tensor [n] on a device, float32 or int64. It must not be changed."""
    return _constant(tuple(values), device)


@cache  # for good: CUDA graphs keep the addresses
def _constant(values: tuple[float, ...] | tuple[int, ...], device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # so that it can be used everywhere
        return torch.tensor(values, device=device)
