"""Whether kernels written in Triton run here.

Modules that define kernels import Triton at their top: import them within functions, after `usable` said yes.
"""

import functools
import logging

import torch

log = logging.getLogger(__name__)


@functools.cache
def usable(device: torch.device) -> bool:
    """Return whether Triton's kernels run on a device, found out by a launch, once per process.

    Triton comes with PyTorch on Linux alone, and needs a C compiler and Python's headers for its first launch. Must
    not be asked for the first time while a CUDA graph is captured.
    """
    if device.type != "cuda" or not torch.cuda.is_available():
        return False
    try:
        from utils.transforms.probe_kernel import probe

        with torch.cuda.device(device):
            found = torch.zeros(1, dtype=torch.int32, device=device)
            probe[(1,)](found)
            return found.item() == 1
    except Exception as error:  # of the import, the C compiler, the assembler, the driver
        log.info("Triton does not run on %s, so PyTorch's operations are used: %s", device, error)
        return False
