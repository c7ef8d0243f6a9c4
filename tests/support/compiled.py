"""The GPU's kernels compiled for it on a machine without one: what Triton's interpreter does not tell."""

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

# generations of NVIDIA's GPUs, Turing (such as the T4), Ampere, Hopper and Blackwell, with each type of the networks
GENERATIONS = [(75, torch.float16), (80, torch.float32), (90, torch.bfloat16), (120, torch.float16)]


@contextmanager
def compiling(generation: int, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[dict[str, int], None, None]:
    """Compile each kernel that is launched inside, for tensors on a CPU, instead of running it.

    Yields the bytes of machine code by kernel, of all its variants. A warning fails.
    """
    pytest.importorskip("triton")
    from triton.backends.compiler import GPUTarget
    from triton.runtime.driver import driver
    from triton.runtime.jit import JITFunction

    compiled, launch = dict[str, int](), JITFunction.run

    def run(self: Any, *arguments: Any, **options: Any) -> Any:
        kernel: Any = launch(self, *arguments, **options | {"warmup": True})
        compiled[self.__name__] = compiled.get(self.__name__, 0) + len(kernel.asm["cubin"])
        return kernel

    fake = SimpleNamespace(
        get_current_target=lambda: GPUTarget("cuda", generation, 32),
        get_active_torch_device=lambda: torch.device("cpu"),
        get_current_device=lambda: generation,  # a function keeps what it compiled, by device
        get_current_stream=lambda _device: 0,
    )
    monkeypatch.setenv("TRITON_CACHE_DIR", str(cache))
    monkeypatch.setattr(JITFunction, "run", run)
    monkeypatch.setattr(driver, "_active", fake)  # which has no way back to none
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield compiled
