"""Importing PyTorch, torchvision, timm and open_clip without what they load for functions that are not called here.

torchvision imports PyTorch's compiler to ask it, in RoIAlign, whether it supports a device; timm, to exclude parts of
NaFlexViT from compiling. Loading it takes 2.5 s. Stand-ins for these two functions do so when they are called. Code
that needs anything else of the compiler loads it.

PyTorch itself loads kernels in Python for the meta device, which the compiler and transformers need.
"""

import contextlib
import functools
import importlib
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from types import ModuleType
from typing import Any

COMPILER = "torch._dynamo"
META_KERNELS = "torch._meta_registrations"  # imported for what it registers


@contextlib.contextmanager
def without_meta_kernels() -> Generator[None, None, None]:
    """Leave them out of an import of PyTorch in the block, which then takes three quarters of the time."""
    if "torch" in sys.modules:
        yield
        return
    sys.modules[META_KERNELS] = ModuleType(META_KERNELS)
    try:
        yield
    finally:
        del sys.modules[META_KERNELS]


def load_meta_kernels() -> None:
    """Load them, unless PyTorch was imported with them."""
    importlib.import_module(META_KERNELS)


@contextlib.contextmanager
def without_compiler() -> Generator[None, None, None]:
    """Replace torch._dynamo by a stand-in while the block imports a library, unless the compiler is loaded."""
    if COMPILER in sys.modules:
        yield
        return
    importlib.import_module("torch")
    compiler, utils = _StandIn(COMPILER), _StandIn(f"{COMPILER}.utils")
    vars(compiler)["disable"], vars(utils)["is_compile_supported"] = _disable, _is_compile_supported
    sys.modules.update({COMPILER: compiler, f"{COMPILER}.utils": utils})
    try:
        yield
    finally:
        _withdraw()


class _StandIn(ModuleType):
    """An empty module in place of the compiler."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__ = [str(Path(sys.modules["torch"].__file__ or "").parent.joinpath(*name.split(".")[1:]))]

    def __getattr__(self, name: str) -> Any:
        """Load the real module and return its attribute."""
        if name.startswith("__"):  # what the import system looks for
            raise AttributeError(name)
        _withdraw()
        return getattr(importlib.import_module(self.__name__), name)


def _withdraw() -> None:
    """Remove the stand-ins, so that the next import finds the compiler."""
    for name in (COMPILER, f"{COMPILER}.utils"):
        if isinstance(sys.modules.get(name), _StandIn):
            del sys.modules[name]


def _disable(function: Callable[..., Any] | None = None, *args: Any, **kwargs: Any) -> Any:
    """Exclude a function from compiling, as `disable` does, as soon as there is a compiler."""
    if function is None:
        return lambda decorated: _disable(decorated, *args, **kwargs)

    @functools.wraps(function)
    def call(*of_call: Any, **named: Any) -> Any:
        compiler = sys.modules.get(COMPILER)
        if compiler is None or isinstance(compiler, _StandIn):
            return function(*of_call, **named)
        return compiler.disable(function, *args, **kwargs)(*of_call, **named)

    return call


def _is_compile_supported(device: Any) -> bool:
    """Ask the compiler."""
    _withdraw()
    return importlib.import_module(f"{COMPILER}.utils").is_compile_supported(device)
