"""oneDNN's operations that PyTorch's compiler calls, to be called without it.

They are private to PyTorch. Each is None where the installed version lacks it; callers then use PyTorch's public
functions.
"""

from typing import Any

import torch


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
