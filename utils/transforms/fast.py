"""Resizing by PyTorch's kernels for 8 bits: a tenth of Pillow's time, and at most two grey levels from it."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.transforms.geometry import Region
from utils.transforms.pillow import Filter, resize_pillow

Resize = Callable[[Tensor, tuple[int, int], Filter, Region | None], Tensor]


def resize_fast(
    frames: Tensor, size: tuple[int, int], filter: Filter = "bilinear", part: Region | None = None
) -> Tensor:
    """Return what `resize_pillow` returns for the same arguments, within 2 grey levels.

    The weights have 16 bits, Pillow's have 22. On a GPU, which has no such kernels, the resize is one of float32.
    """
    if tuple(frames.shape[1:3]) != tuple(size):
        resize = _resize_bytes if frames.device.type == "cpu" else _resize_floats
        frames = resize(frames.permute(0, 3, 1, 2), size, filter).permute(0, 2, 3, 1)
    return part.of(frames).contiguous() if part else frames


def _resize_bytes(images: Tensor, size: tuple[int, int], filter: Filter) -> Tensor:
    """Resize uint8 [n, 3, H, W] with channels last in memory."""
    return F.interpolate(images, size, mode=filter, antialias=True)


def _resize_floats(images: Tensor, size: tuple[int, int], filter: Filter) -> Tensor:
    """Resize uint8 [n, 3, H, W]: the width first, rounded to 8 bits after each pass, as Pillow does."""
    for step in ((images.shape[2], size[1]), size):
        if tuple(images.shape[2:]) != step:
            resized = F.interpolate(images.float(), step, mode=filter, antialias=True)
            images = resized.round_().clamp_(0, 255).to(torch.uint8)
    return images


RESIZE_BY_DECODE: dict[str, Resize] = {"exact": resize_pillow, "fast": resize_fast, "gpu": resize_pillow}  # by --decode
