"""Whether Triton's kernels run here: those of this room, and how any are tried."""

import functools
import logging
from collections.abc import Callable
from types import ModuleType
from typing import TypeVar

import torch

log = logging.getLogger(__name__)
Result = TypeVar("Result")


def tried(trial: Callable[[], Result], what: str) -> Result | None:
    """Return what a trial of kernels gives, None if it fails: PyTorch's own functions then stand in for `what`.

    Triton comes with PyTorch on Linux alone, and needs a C compiler and Python's headers. A trial must not be within
    the capture of a CUDA graph.
    """
    try:
        return trial()
    except Exception as error:  # of the import, the C compiler, the assembler, the driver
        log.info("Triton does not work here, so PyTorch's own functions stand in for %s: %s", what, error)
        return None


@functools.cache
def usable(device: torch.device) -> bool:
    """Return whether `utils.transforms.pixel_kernels` works on a device: tried once per process."""
    if device.type != "cuda" or not torch.cuda.is_available():
        return False

    def trial() -> bool:
        from utils.transforms import pixel_kernels

        return pixels_right(pixel_kernels, device)

    return bool(tried(trial, f"resizes and normalization on {device}"))


def pixels_right(kernels: ModuleType, device: torch.device) -> bool:
    """Return whether frames stay what they are, each value weighted with 1 and divided by 1."""
    frames = torch.arange(2 * 3 * 4 * 3, dtype=torch.uint8, device=device).view(2, 3, 4, 3)
    one = torch.tensor(1, dtype=torch.int32, device=device)
    rows, columns = (torch.arange(n, device=device) for n in (3, 4))
    wide = kernels.sum_taps(frames, 2, columns.int()[None], (one << 22).expand(1, 4).contiguous(), 22)
    high = kernels.sum_taps(frames, 1, rows.int()[None], (one << 22).expand(1, 3).contiguous(), 22)
    pairs = [(at, at, *((one << 10).expand(2, len(at)).contiguous())) for at in (columns, rows)]
    grey = torch.full((2, 2, 2, 2), 128, dtype=torch.uint8, device=device)
    bright = kernels.yuv_to_rgb(frames[..., 0].repeat(1, 2, 1)[:, :4], grey, (1 << 13, *[0] * 7))
    is_grey = torch.equal(bright, frames[..., :1].repeat(1, 2, 1, 3)[:, :4])
    floats = kernels.normalize(frames, (0.0,) * 3, (1.0,) * 3, 1.0, torch.float32)
    same = (wide, high, kernels.interpolate(frames, *pairs), floats.byte())
    return is_grey and all(torch.equal(frames, each) for each in same)
