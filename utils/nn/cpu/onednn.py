"""oneDNN's operations that PyTorch keeps for its compiler, called here without it.

They are private to PyTorch: each is None where this version lacks it, and whoever calls it does without.
"""

from typing import Any

import torch


def operation(name: str, overload: str | None = None) -> Any:
    """Return an operation of torch.ops.mkldnn, or one of its overloads; None if there is none."""
    if not torch.backends.mkldnn.is_available():
        return None
    found = getattr(torch.ops.mkldnn, name, None)
    return found if overload is None else getattr(found, overload, None)


CONVOLVE = operation("_convolution_pointwise")  # and an activation
CONVOLVE_AND_ADD = operation("_convolution_pointwise_", "binary")  # to a tensor in place, and an activation
LINEAR = operation("_linear_pointwise")
LAY_OUT_WEIGHT = operation("_reorder_convolution_weight")
SUPPORTS_BF16 = operation("_is_mkldnn_bf16_supported")
