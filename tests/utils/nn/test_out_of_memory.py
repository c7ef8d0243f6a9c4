"""Out of memory, as it really looks on this machine."""

import weakref

import numpy as np
import pytest
import torch

from utils.nn.out_of_memory import is_out_of_memory, run_if_it_fits

TOO_MUCH = 1 << 50  # bytes, more than a process can address


@pytest.mark.parametrize("allocate", [torch.empty, np.empty], ids=["torch", "numpy"])
def test_what_does_not_fit_gives_nothing_and_keeps_nothing(allocate):
    held = []

    def work():
        part = torch.zeros(10)
        held.append(weakref.ref(part))
        return part, allocate(TOO_MUCH, dtype=(torch if allocate is torch.empty else np).uint8)

    assert run_if_it_fits(work) is None
    assert held[0]() is None
    assert run_if_it_fits(lambda: 5) == 5


def test_other_errors_go_on():
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        run_if_it_fits(lambda: torch.zeros(2, 3) @ torch.zeros(2, 3))
    assert not is_out_of_memory(ValueError("out of memory"))
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))


@pytest.mark.parametrize(
    "message",
    [
        "GET was unable to find an engine to execute this computation",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR",
        "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ],
)
def test_what_gpus_say_without_memory_is_recognized(message):
    assert is_out_of_memory(RuntimeError(message))
