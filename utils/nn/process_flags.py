"""PyTorch's settings for a network in the caller's process, where the caller may have set others, and put back."""

import contextlib
from collections.abc import Callable, Generator
from typing import Any

import torch

from utils.nn.prepare import ComputeMode, set_process_flags

MATMUL: Any = torch.backends.cuda.matmul
CUDNN: Any = torch.backends.cudnn
ONEDNN: Any = torch.backends.mkldnn
FLAGS = (
    (MATMUL, "allow_bf16_reduced_precision_reduction"),
    (MATMUL, "allow_fp16_reduced_precision_reduction"),
    (CUDNN, "benchmark"),
)
# How operations round the factors of float32 products. PyTorch has two interfaces to this. The older one, which we set
# and most people use, refuses to be read once anyone has set the newer one, so both are put back.
CUDNN_ROUNDING = (CUDNN.conv, CUDNN.rnn)
CPU_ROUNDING = (ONEDNN.matmul, ONEDNN.conv, ONEDNN.rnn)
EXACT = ("none", "ieee")


@contextlib.contextmanager
def process_flags(compute: ComputeMode, device: torch.device) -> Generator[None, None, None]:
    """Compute inside as a worker does, in a process of its own: with its flags, and PyTorch's defaults otherwise.

    The caller's flags and modes are put back: autocast, inference mode, default type and default device.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_worker_modes(device))
        stack.enter_context(_exact_on_cpu())
        if device.type == "cuda":
            stack.enter_context(_gpu_flags_kept())
            set_process_flags(compute, device)
            for owner in CUDNN_ROUNDING:  # False of the older interface leaves them to what the newer says of all
                owner.fp32_precision = "tf32" if compute.precision in ("auto", "tf32") else "ieee"
        yield


@contextlib.contextmanager
def _worker_modes(device: torch.device) -> Generator[None, None, None]:
    """Compute inside without the modes that the caller may be in."""
    default = torch.get_default_dtype()
    with contextlib.ExitStack() as stack:
        for kind in {"cpu", device.type}:
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        stack.enter_context(torch.inference_mode(False))  # tensors made in it round otherwise in some operations
        if default != torch.float32:
            torch.set_default_dtype(torch.float32)
            stack.callback(torch.set_default_dtype, default)
        yield


@contextlib.contextmanager
def _exact_on_cpu() -> Generator[None, None, None]:
    """Compute products inside in float32 where the caller's flags would round their factors on a CPU."""
    before = [(owner, owner.fp32_precision) for owner in CPU_ROUNDING]
    for owner, rounding in before:
        if rounding not in EXACT:
            owner.fp32_precision = "ieee"
    try:
        yield
    finally:
        _put_back(before)


@contextlib.contextmanager
def _gpu_flags_kept() -> Generator[None, None, None]:
    """Put back what is set inside, but for the rounding on a CPU, which `_exact_on_cpu` does."""
    flags = [(owner, name, getattr(owner, name)) for owner, name in FLAGS]
    rounding = [(owner, owner.fp32_precision) for owner in (MATMUL, *CUDNN_ROUNDING)]
    of_matmul = _readable(torch.get_float32_matmul_precision)
    of_cudnn = _readable(lambda: CUDNN.allow_tf32)
    try:
        yield
    finally:
        for owner, name, value in flags:
            setattr(owner, name, value)
        if of_matmul is not None:
            torch.set_float32_matmul_precision(of_matmul)
        if of_cudnn is not None:
            CUDNN.allow_tf32 = of_cudnn
        _put_back(rounding)


def _readable(read: Callable[[], Any]) -> Any:
    """Return what `read` does; None where the caller has set the newer interface."""
    try:
        return read()
    except RuntimeError:
        return None


def _put_back(rounding: list[tuple[Any, str]]) -> None:
    """Set what differs: an operation whose rounding is set no longer follows that of its library."""
    for owner, value in rounding:
        if owner.fp32_precision != value:
            owner.fp32_precision = value
