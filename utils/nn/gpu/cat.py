"""Channels of several maps side by side. PyTorch concatenates up to four dimensions at once, else a map at a time."""

from collections.abc import Sequence

import torch
from torch import Tensor


def cat_channels(parts: Sequence[Tensor]) -> Tensor:
    """Return torch.cat(parts, 1) of maps [B, C, T, H, W], on a GPU as rows of channels, which lie last in memory."""
    if not parts[0].is_cuda:
        return torch.cat(list(parts), 1)
    return rows_joined(parts)


def rows_joined(parts: Sequence[Tensor]) -> Tensor:
    """Return the same on any device, channels last; parts with channels first are copied before."""
    rows = torch.cat([part.movedim(1, -1).flatten(0, -2) for part in parts], 1)
    return rows.view(len(parts[0]), *parts[0].shape[2:], -1).movedim(-1, 1)
