"""Max pools that write no indices. PyTorch's write 8 bytes beside each value, and cannot read channels last."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from utils.nn.gpu import support

PLAIN: dict[int, Any] = {4: F.max_pool2d, 5: F.max_pool3d}  # by the dimensions of the input


def max_pool_uneven(
    x: Tensor, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[tuple[int, int]]
) -> Tensor | None:
    """Return the largest values in windows of x [B, C, T, H, W], None where there is no kernel for it.

    padding: before and after each dimension. It is less than every value, as in PyTorch.
    """
    run = support.kernel("max_pool") if support.fits(x) and x.stride(1) == 1 else None
    return run and run(x, kernel, stride, padding)


def max_pool(
    x: Tensor, kernel: int | Sequence[int], stride: int | Sequence[int], padding: int | Sequence[int] = 0
) -> Tensor:
    """Return F.max_pool2d or F.max_pool3d of x [B, C, (T,) H, W]."""
    n_dims = x.ndim - 2
    deep, ends = (1,) * (3 - n_dims), [(zeros, zeros) for zeros in (0, *_each(padding, n_dims))[-3:]]
    clips = x if n_dims == 3 else x.unsqueeze(2)  # images are clips of one frame
    y = max_pool_uneven(clips, deep + _each(kernel, n_dims), deep + _each(stride, n_dims), ends)
    if y is None:
        return PLAIN[x.ndim](x, kernel, stride, padding)
    return y if n_dims == 3 else y.squeeze(2)


def _each(size: int | Sequence[int], n_dims: int) -> tuple[int, ...]:
    return (size,) * n_dims if isinstance(size, int) else tuple(size)


class MaxPool2d(nn.MaxPool2d):
    """The layer of this name, with PyTorch's own function where there is no kernel for the input."""

    def forward(self, input: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H', W']."""
        return max_pool(input, self.kernel_size, self.stride, self.padding)


class MaxPool3d(nn.MaxPool3d):
    """The same over time, too."""

    def forward(self, input: Tensor) -> Tensor:
        """[B, C, T, H, W] -> [B, C, T', H', W']."""
        return max_pool(input, self.kernel_size, self.stride, self.padding)


def rewrite_pools(network: nn.Module) -> None:
    """Replace PyTorch's max pools by these, in place."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.MaxPool2d and _is_plain(child):
                setattr(module, name, MaxPool2d(child.kernel_size, child.stride, child.padding))
            elif type(child) is nn.MaxPool3d and _is_plain(child):
                setattr(module, name, MaxPool3d(child.kernel_size, child.stride, child.padding))


def _is_plain(pool: nn.MaxPool2d | nn.MaxPool3d) -> bool:
    return pool.dilation == 1 and not pool.return_indices and not pool.ceil_mode
