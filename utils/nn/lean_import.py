"""Importing torchvision and timm without PyTorch's compiler, which they load for functions that are not called here.

torchvision asks it whether the compiler supports a device, for RoIAlign; timm has it leave parts of NaFlexViT alone.
Loading it takes 2.5 s of every worker. What asks for anything else of it gets the real one.
"""

import contextlib
import importlib
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from types import ModuleType
from typing import Any

COMPILER = "torch._dynamo"


@contextlib.contextmanager
def without_compiler() -> Generator[None, None, None]:
    """Give imports in the block a stand-in for torch._dynamo, unless it is loaded already or they need more of it."""
    if COMPILER in sys.modules:
        yield
        return
    importlib.import_module("torch")
    stand_ins = {COMPILER: _StandIn(COMPILER), f"{COMPILER}.utils": _StandIn(f"{COMPILER}.utils")}
    stand_ins[COMPILER].disable = _unchanged  # type: ignore[attr-defined]
    stand_ins[f"{COMPILER}.utils"].is_compile_supported = _never  # type: ignore[attr-defined]
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        _withdraw()


class _StandIn(ModuleType):
    """An empty module in the compiler's place."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__ = [str(Path(sys.modules["torch"].__file__ or "").parent.joinpath(*name.split(".")[1:]))]

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the module itself, loading it."""
        if name.startswith("__"):  # what the import system looks for
            raise AttributeError(name)
        _withdraw()
        return getattr(importlib.import_module(self.__name__), name)


def _withdraw() -> None:
    """Take the stand-ins out, so that the next import finds the compiler."""
    for name in (COMPILER, f"{COMPILER}.utils"):
        if isinstance(sys.modules.get(name), _StandIn):
            del sys.modules[name]


def _unchanged(function: Callable[..., Any] | None = None, *_rest: object, **_others: object) -> Any:
    """Stand in for `disable`, as a decorator with or without arguments."""
    return function if function is not None else _unchanged


def _never(_device: str) -> bool:
    """Stand in for `is_compile_supported`."""
    return False
