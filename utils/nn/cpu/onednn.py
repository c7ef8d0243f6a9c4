"""oneDNN's operations that PyTorch's compiler calls, to be called without it.

They are private to PyTorch. Each is None where the installed version lacks it; callers then use PyTorch's public
functions.
"""

from typing import Any

import torch
from torch.torch_version import TorchVersion


def operation(name: str, overload: str | None = None) -> Any:
    """Return an operation of torch.ops.mkldnn, or one of its overloads; None if there is none."""
    if not torch.backends.mkldnn.is_available():
        return None
    found = getattr(torch.ops.mkldnn, name, None)
    return found if overload is None else getattr(found, overload, None)


CONVOLVE = operation("_convolution_pointwise")  # and apply an activation
CONVOLVE_AND_ADD = operation("_convolution_pointwise_", "binary")  # to a tensor in place, and apply an activation
LINEAR = operation("_linear_pointwise")
PACK_WEIGHT = operation("_reorder_convolution_weight")
SUPPORTS_BF16 = operation("_is_mkldnn_bf16_supported")
IS_NEW = TorchVersion(torch.__version__) >= "2.15"


def fewest_rows(width: int) -> int:
    """Return from how many rows on a linear layer sums each row alike, so that its last digits are not the batch's.

    width: of a row. A single row is summed in another order; with PyTorch 2.11, so are all batches of up to 49,152
    numbers.
    """
    return 2 if IS_NEW else 49152 // width + 1
