"""What this process can use of the GPU's own ways; where it cannot, layers are PyTorch's."""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.transforms.kernels import tried


def _adds(run: Any, x: Tensor) -> bool:
    return torch.equal(run(x.clone(), x[0, :, 0, 0, 0] * 0, 0.0), F.relu(x))


def _pools(run: Any, x: Tensor) -> bool:
    return torch.equal(run(x, (3, 3, 3), (1, 2, 2), [(1, 1)] * 3), F.max_pool3d(x, 3, (1, 2, 2), 1))


def _rearranges(run: Any, x: Tensor) -> bool:
    return torch.equal(run(x, 1, (1, 1, 1), x.shape[2:], (0, 0, 0), x.shape[1]), x[0].movedim(1, 0))


# The kernels of `utils.nn.gpu.kernels` that are used, each with a trial on little data.
TRIALS: dict[str, Callable[[Any, Tensor], bool]] = {
    "add_and_activate": _adds,
    "max_pool": _pools,
    "in_blocks": _rearranges,
}
DEVICE = "cuda"  # to try them on


def fits(x: Tensor) -> bool:
    """Return whether a layer's input is for the GPU's own ways: not for a compiler, nor a fake tensor."""
    if not x.is_cuda or type(x) is not Tensor or torch.compiler.is_compiling():
        return False
    return x.numel() > 0 and x.dtype in (torch.float32, torch.bfloat16, torch.float16)


@functools.cache
def kernel(name: str) -> Callable[..., Tensor] | None:
    """Return a function of `utils.nn.gpu.kernels` that works here, None without Triton or the C compiler it needs."""

    def trial() -> Callable[..., Tensor] | None:
        from utils.nn.gpu import kernels

        run = getattr(kernels, name)
        x = torch.linspace(-1, 1, 16 * 3 * 5 * 6, device=DEVICE).view(1, 16, 3, 5, 6)
        return run if TRIALS[name](run, x.contiguous(memory_format=torch.channels_last_3d)) else None

    return tried(trial, name)
