"""Read the tensors of a TorchScript archive without running its code.

Such an archive, as torch.jit.save writes it, is a zip: `<root>/data.pkl` is a pickle of the module's attributes,
`<root>/data/<n>` are the bytes of its tensors, `<root>/code/` is its program, which is not read here.
"""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from utils.errors import UserError
from utils.weights.formats.torch_pickle import READ_ERRORS, TensorUnpickler, first_line, read_pickle

MOST_TENSORS = 100_000  # and modules, of an archive
DEEPEST = 100  # modules in modules


def is_archive(path: str | Path) -> bool:
    """Return whether the file is a TorchScript archive; False where it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _root(archive) is not None
    except (OSError, zipfile.BadZipFile):
        return False


def read_archive(path: str | Path) -> dict[str, Tensor]:
    """Return parameters and buffers by their names in state_dict(), on the CPU.

    Raises:
        UserError: the file is missing, damaged, or not a TorchScript archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            root = _root(archive)
            if root is None:
                raise ValueError("no code folder")
            return dict(_named_tensors(_unpickled(archive, root), "", [MOST_TENSORS]))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such checkpoint file") from error
    except READ_ERRORS as error:
        raise UserError(f"{path}: not a TorchScript archive that can be read ({first_line(error)})") from error


def _root(archive: zipfile.ZipFile) -> str | None:
    """Return the folder of data.pkl, if there is a code folder in it too."""
    names = archive.namelist()
    root = next((name.removesuffix("data.pkl") for name in names if name.endswith("/data.pkl")), None)
    if root is None or not any(name.startswith(f"{root}code/") for name in names):
        return None
    return root


class _Module:
    """Stands for an object of a class that the archive defines: has its attributes only."""

    attributes: dict[str, Any]

    def __setstate__(self, state: Any) -> None:
        self.attributes = state if isinstance(state, dict) else {}


class _ModuleUnpickler(TensorUnpickler):
    """Keeps the attributes of the archive's own objects."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for module.name; nothing is imported."""
        if module.split(".")[0] == "__torch__":
            return _Module
        return super().find_class(module, name)


def _unpickled(archive: zipfile.ZipFile, root: str) -> Any:
    storages: dict[str, Tensor] = {}

    def storage(dtype: torch.dtype, key: str, n_values: int) -> Tensor:
        if key not in storages:
            data = bytearray(archive.read(f"{root}data/{key}"))
            storages[key] = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
        return storages[key]

    return _ModuleUnpickler(io.BytesIO(read_pickle(archive, archive.getinfo(f"{root}data.pkl"))), storage).load()


def _named_tensors(module: Any, prefix: str, left: list[int], depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of a module and its submodules.

    left: how many more there may be: modules that hold others twice each have more paths than any program follows.
    """
    for name, value in getattr(module, "attributes", {}).items():
        left[0] -= 1
        if left[0] < 0 or depth > DEEPEST:
            raise ValueError(f"more than {MOST_TENSORS} tensors and modules, or more than {DEEPEST} in each other")
        if isinstance(value, Tensor):
            yield f"{prefix}{name}", value
        elif isinstance(value, _Module):
            yield from _named_tensors(value, f"{prefix}{name}.", left, depth + 1)
