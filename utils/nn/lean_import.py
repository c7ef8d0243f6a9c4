"""Importing PyTorch, torchvision and timm without what they load for functions that are not called here.

torchvision asks PyTorch's compiler whether it supports a device, for RoIAlign; timm excludes parts of NaFlexViT from
compiling. Loading the compiler takes 2.5 s. Code that needs anything else of it gets the real one.

PyTorch itself loads kernels in Python for the meta device, which the compiler and transformers need.
"""

import contextlib
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
    """Replace torch._dynamo by a stand-in for imports in the block, unless it is loaded or an import needs more of it.

    What is imported keeps the stand-in's functions: not for networks that are to be compiled.
    """
    if COMPILER in sys.modules:
        yield
        return
    importlib.import_module("torch")
    compiler, utils = _StandIn(COMPILER), _StandIn(f"{COMPILER}.utils")
    vars(compiler)["disable"], vars(utils)["is_compile_supported"] = _unchanged, _never
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


def _unchanged(function: Callable[..., Any] | None = None, *_rest: object, **_others: object) -> Any:
    """Stand in for `disable`, as a decorator with or without arguments."""
    return function if function is not None else _unchanged


def _never(_device: str) -> bool:
    """Stand in for `is_compile_supported`."""
    return False
