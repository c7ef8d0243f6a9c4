"""The GPU's kernels on a CPU, by Triton's interpreter."""

import importlib.util
from types import ModuleType

import pytest

NAME = "utils.nn.gpu.kernels"


def kernels(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the module of kernels for tensors on a CPU, another than that of the program."""
    pytest.importorskip("triton.language")  # without the variable: what it imports stays for the rest of the process
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    spec = importlib.util.find_spec(NAME)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
