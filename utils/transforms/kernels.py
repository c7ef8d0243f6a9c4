"""Whether the Triton kernels of this room run here."""

import functools
import logging
from types import ModuleType

import torch

log = logging.getLogger(__name__)


@functools.cache
def usable(device: torch.device) -> bool:
    """Return whether `utils.transforms.resize_kernels` may be imported, and works on a device.

    It is found out by a trial, once per process: Triton comes with PyTorch on Linux alone, and needs a C compiler and
    Python's headers. The first call must not be within the capture of a CUDA graph.
    """
    if device.type != "cuda" or not torch.cuda.is_available():
        return False
    try:
        from utils.transforms import resize_kernels

        return resize_right(resize_kernels, device)
    except Exception as error:  # of the import, the C compiler, the assembler, the driver
        log.info("Triton does not work on %s, so PyTorch's operations resize: %s", device, error)
        return False


def resize_right(kernels: ModuleType, device: torch.device) -> bool:
    """Return whether frames stay what they are, each value weighted with 1."""
    frames = torch.arange(2 * 3 * 4 * 3, dtype=torch.uint8, device=device).view(2, 3, 4, 3)
    one = torch.tensor(1, dtype=torch.int32, device=device)
    rows, columns = (torch.arange(n, device=device) for n in (3, 4))
    wide = kernels.sum_taps(frames, 2, columns.int()[None], (one << 22).expand(1, 4).contiguous(), 22)
    high = kernels.sum_taps(frames, 1, rows.int()[None], (one << 22).expand(1, 3).contiguous(), 22)
    pairs = [(at, at, *((one << 10).expand(2, len(at)).contiguous())) for at in (columns, rows)]
    return all(torch.equal(frames, each) for each in (wide, high, kernels.interpolate(frames, *pairs)))
