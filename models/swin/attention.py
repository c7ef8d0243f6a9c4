"""Attention within shifted windows: torchvision's, with its mask made once for each size of the input.

Liu et al., "Video Swin Transformer", CVPR 2022, arXiv:2106.13230. torchvision makes the mask in every block of every
call, in a hundred operations.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utils.nn.lean_torchvision import torchvision

ShiftedWindowAttention3d = torchvision.models.video.swin_transformer.ShiftedWindowAttention3d
Size = tuple[int, int, int]  # time, height, width
BETWEEN_REGIONS = -100.0  # added to the logits of positions that only the cyclic shift made neighbours


class WindowAttention(nn.Module):
    """A `ShiftedWindowAttention3d` for inference, with the same layers and the same result."""

    def __init__(self, attention: ShiftedWindowAttention3d) -> None:
        super().__init__()
        self.qkv, self.proj = attention.qkv, attention.proj
        self.window_size, self.shift_size = attention.window_size, attention.shift_size
        self.n_heads = attention.num_heads
        self.relative_position_bias_table = attention.relative_position_bias_table
        self.register_buffer("relative_position_index", attention.get_buffer("relative_position_index"))

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, H, W, C] -> the same shape."""
        sizes: Size = (x.shape[1], x.shape[2], x.shape[3])
        window, shift = self._fitted(sizes)
        padded = tuple(-(-n // side) * side for n, side in zip(sizes, window, strict=True))
        x = F.pad(x, (0, 0, *(n for i in (2, 1, 0) for n in (0, padded[i] - sizes[i]))))
        if any(shift):
            x = torch.roll(x, [-step for step in shift], (1, 2, 3))
        x = self._attended(_windows(x, window), padded, window, shift)
        x = x.view(-1, *(n // side for n, side in zip(padded, window, strict=True)), *window, x.shape[-1])
        x = x.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(-1, *padded, x.shape[-1])
        if any(shift):
            x = torch.roll(x, shift, (1, 2, 3))
        return x[:, : sizes[0], : sizes[1], : sizes[2]].contiguous()

    def _fitted(self, sizes: Size) -> tuple[Size, Size]:
        """Return the window and its shift; a window as long as the input is not shifted along it."""
        window = [min(n, side) for n, side in zip(sizes, self.window_size, strict=True)]
        shift = [
            step if n > side else 0 for n, side, step in zip(sizes, self.window_size, self.shift_size, strict=True)
        ]
        return (window[0], window[1], window[2]), (shift[0], shift[1], shift[2])

    def _attended(self, x: Tensor, padded: tuple[int, ...], window: Size, shift: Size) -> Tensor:
        """Return what attention makes of windows [B * windows, positions, C]."""
        n, n_positions, n_channels = x.shape
        qkv = F.linear(x, self.qkv.weight, self.qkv.bias)
        qkv = qkv.reshape(n, n_positions, 3, self.n_heads, n_channels // self.n_heads).permute(2, 0, 3, 1, 4)
        query, key, value = qkv.unbind()
        query = query * (n_channels // self.n_heads) ** -0.5
        weights = query.matmul(key.transpose(-2, -1)) + self._bias(n_positions)
        if any(shift):
            mask = region_mask(padded, window, shift, x.device, x.dtype)
            weights = weights.view(-1, len(mask), *weights.shape[1:]) + mask[None, :, None]
            weights = weights.view(n, self.n_heads, n_positions, n_positions)
        x = weights.softmax(-1).matmul(value).transpose(1, 2).reshape(n, n_positions, n_channels)
        return F.linear(x, self.proj.weight, self.proj.bias)

    def _bias(self, n_positions: int) -> Tensor:
        """Return what each head adds for the distance of two positions, [1, heads, positions, positions]."""
        index = self.get_buffer("relative_position_index")[:n_positions, :n_positions]
        bias = self.relative_position_bias_table[index.flatten()].view(n_positions, n_positions, -1)
        return bias.permute(2, 0, 1).contiguous().unsqueeze(0)


@lru_cache(maxsize=16)  # an input size has one for each stage, up to 78 MB
def region_mask(padded: tuple[int, ...], window: Size, shift: Size, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return what is added to the logits of a window's positions, [windows, positions, positions].

    It separates regions that the cyclic shift made neighbours: 0 within a region, -100 between two.
    """
    with torch.inference_mode(False):  # so that it can be used everywhere
        regions = torch.zeros(padded, dtype=torch.int32)
        for axis, (side, step) in enumerate(zip(window, shift, strict=True)):
            along = torch.zeros(padded[axis], dtype=torch.int32)
            if step:
                along[-side:] = 1
                along[-step:] = 2
            regions = 3 * regions + along.view(-1, *[1] * (2 - axis))
        of_windows = _windows(regions[None, ..., None], window).squeeze(-1)
        apart = of_windows.unsqueeze(1) != of_windows.unsqueeze(2)
        return torch.zeros(apart.shape, dtype=dtype).masked_fill_(apart, BETWEEN_REGIONS).to(device)


def _windows(x: Tensor, window: Size) -> Tensor:
    """[B, T, H, W, C] -> [B * windows, positions of a window, C]."""
    parts = [n for length, side in zip(x.shape[1:4], window, strict=True) for n in (length // side, side)]
    x = x.view(x.shape[0], *parts, x.shape[-1])
    return x.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(-1, math.prod(window), x.shape[-1])
