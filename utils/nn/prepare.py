"""How loaded networks of all feature types are prepared to run, by --precision and --compile."""

import contextlib
import os
import shutil
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from utils.errors import UserError
from utils.nn.attention import attend_single_queries
from utils.nn.batch_norm import fuse_batch_norms
from utils.nn.cpu import onednn
from utils.nn.cpu.convolution import fuse_activations
from utils.nn.cpu.layout import CHANNELS_LAST, use_channels_last
from utils.nn.cpu.residual import rewrite_blocks
from utils.nn.gpu.pooling import rewrite_pools

DTYPES = {
    "auto": torch.float32,
    "float32": torch.float32,
    "tf32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
NetworkT = TypeVar("NetworkT", bound=nn.Module)


@dataclass(frozen=True)
class ComputeMode:
    """How networks compute: by --precision, and whether they are compiled. Inputs and features stay float32."""

    precision: str = "float32"
    compile: bool = False

    @property
    def dtype(self) -> torch.dtype:
        """The type of weights, and of tensors between layers."""
        return DTYPES[self.precision]


def set_process_flags(compute: ComputeMode, device: torch.device) -> None:
    """Set PyTorch's flags for this precision, which hold for the whole process."""
    if device.type == "cuda":
        # torch's default rounds the factors of convolutions to 10 bits, past our tolerance for float32
        torch.backends.cudnn.allow_tf32 = compute.precision in ("auto", "tf32")
        torch.backends.cuda.matmul.allow_tf32 = compute.precision == "tf32"
        # sums of the products in 16-bit modes stay float32
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
        torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
        # Windows of a run have few shapes, so a search for the fastest algorithms pays. But it finds others in each
        # process, which round otherwise: float32 takes those that cuDNN names, always the same.
        torch.backends.cudnn.benchmark = compute.precision != "float32"


@contextlib.contextmanager
def exact_float32(device: torch.device) -> Generator[None, None, None]:
    """Compute float32 products inside in float32, also where --precision tf32 rounds them elsewhere."""
    if device.type != "cuda":  # nothing rounds them, and threads that share a CPU's rows would race for the flag
        yield
        return
    matmul = torch.backends.cuda.matmul
    before, matmul.allow_tf32 = matmul.allow_tf32, False
    try:
        yield
    finally:
        matmul.allow_tf32 = before


def check_available(device: torch.device) -> None:
    """Raise UserError if the PyTorch that is installed cannot use the device."""
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UserError("--device mps: PyTorch finds no GPU of Apple's here; use --device cpu")
    if device.type == "cuda" and not torch.cuda.is_available():
        reason = "cannot use this machine's GPU driver" if torch.version.cuda or torch.version.hip else "is a CPU build"
        raise UserError(f"--device cuda: the installed PyTorch ({torch.__version__}) {reason}; use --device cpu")


def check_supported(compute: ComputeMode, device: torch.device) -> None:
    """Raise UserError if the device lacks this mode, or is slower in it than in float32."""
    precision = compute.precision
    if device.type == "cpu":
        if precision in ("tf32", "fp16"):
            raise UserError(f"--precision {precision} needs a GPU; on a CPU use bf16 or float32")
        if precision == "bf16" and not _cpu_has_bf16():
            raise UserError("--precision bf16: this CPU has no instructions for it (AVX512); use float32")
        if compute.compile and shutil.which(os.environ.get("CXX", "g++")) is None:
            raise UserError("--compile needs a C++ compiler on a CPU; install g++, or name one in the variable CXX")
    elif precision == "bf16" and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise UserError("--precision bf16: this GPU has no bf16 arithmetic; use fp16")


def _cpu_has_bf16() -> bool:
    return torch.backends.mkldnn.is_available() and (onednn.SUPPORTS_BF16 is None or onednn.SUPPORTS_BF16())


def prepare_network(
    network: nn.Module, device: torch.device, compute: ComputeMode, float32_parts: tuple[str, ...] = ()
) -> nn.Module:
    """Return a loaded network on the device as it will run: batch norms fused, cast, channels last, compiled.

    It takes and returns float32 in every mode. The given network is changed.

    float32_parts: names of submodules that stay float32 and whose inputs are cast to it: average pools, whose means
        would lose precision, and the classifiers after them.
    """
    prepare_layers(network, device, compute, float32_parts)
    network.register_forward_pre_hook(partial(_to_network, compute.dtype))
    if compute.dtype != torch.float32:
        network.register_forward_hook(_to_float32_outputs)
    if compute.compile:
        network.compile()  # when it first runs
    return network


def prepare_layers(
    network: NetworkT, device: torch.device, compute: ComputeMode, float32_parts: tuple[str, ...] = ()
) -> NetworkT:
    """Return the same network with its layers as `prepare_network` makes them: not compiled, and it casts nothing."""
    network.eval().requires_grad_(False)
    fuse_batch_norms(network)
    _cast_weights(network, compute.dtype, float32_parts)
    network.to(device)
    if device.type == "cuda":
        rewrite_pools(network)
        if fill := getattr(network, "fill_channels", None):  # PWC-Net has it
            fill()
    elif device.type == "cpu" and not compute.compile:
        attend_single_queries(network)
    rewrite_blocks(network)
    fuse_activations(network)
    if compute.dtype != torch.float32:
        for name in float32_parts:
            network.get_submodule(name).register_forward_pre_hook(_to_float32)
    use_channels_last(network)
    return network


def prepare_flow(network: NetworkT, device: torch.device, compute: ComputeMode) -> NetworkT:
    """Return a network for optical flow as `prepare_layers` makes it; compiled on a GPU, if --compile asks for that."""
    prepare_layers(network, device, compute)
    if compute.compile and device.type != "cpu":
        for step in ("encode", "between"):  # see `FlowNetwork`
            setattr(network, step, torch.compile(getattr(network, step)))
    return network


def _cast_weights(network: nn.Module, dtype: torch.dtype, float32_parts: tuple[str, ...]) -> None:
    """Cast parameters and buffers; the parameters of `float32_parts` to float32."""
    kept = {parameter for name in float32_parts for parameter in network.get_submodule(name).parameters()}
    for parameter in network.parameters():
        if parameter.is_floating_point():
            parameter.data = parameter.data.to(torch.float32 if parameter in kept else dtype)
    for module in network.modules():
        for name, buffer in module.named_buffers(recurse=False):
            if buffer.is_floating_point():
                setattr(module, name, buffer.to(dtype))


def _to_network(dtype: torch.dtype, _module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return the inputs in the network's type, with channels last as its weights: cuDNN takes the layout of either."""
    formats = [CHANNELS_LAST.get(value.ndim, torch.contiguous_format) for value in inputs]
    return tuple(
        value.to(dtype, memory_format=layout).contiguous(memory_format=layout)
        for value, layout in zip(inputs, formats, strict=True)
    )


def _to_float32(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return _cast(inputs, torch.float32)


def _to_float32_outputs(_module: nn.Module, _inputs: tuple[Any, ...], outputs: Any) -> Any:
    return _cast(outputs, torch.float32)


def _cast(value: Any, dtype: torch.dtype) -> Any:
    """Return a tensor, or the tensors in lists and tuples, in another floating-point type."""
    if isinstance(value, Tensor):
        return value.to(dtype) if value.is_floating_point() else value
    return type(value)(_cast(each, dtype) for each in value) if isinstance(value, list | tuple) else value
