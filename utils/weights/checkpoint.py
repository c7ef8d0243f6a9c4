"""Read checkpoint files without running their code, and load them into networks strictly."""

import math
import pickle
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from utils.errors import UserError
from utils.weights.formats import safetensors, torchscript
from utils.weights.formats.torch_pickle import READ_ERRORS, check_torch_file, first_line, is_torch_file, read_torch_file

WRAPPERS = ("state_dict", "model_state", "model", "module")  # keys under which training programs save the tensors
PREPROCESSOR = "data_preprocessor."  # mmengine's means and deviations, which are not weights


def read_tensors(path: str | Path, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
    """Return the tensors of a PyTorch or safetensors file by name, on the CPU, in the order of the file.

    Takes bare state dicts and dicts with one under a key of WRAPPERS, in zip and legacy containers, TorchScript
    archives and safetensors, recognized by content. Other entries are left out; objects of other programs (mmengine's
    message_hub) are not built. Drops the "module." prefix of DataParallel where every name has it.

    dtype: that numbers with a fraction are converted to, tensor by tensor as they are read, so that a large file takes
        no more memory than they do; None for the file's own. They are in memory then, not mapped from the file.

    Raises:
        UserError: the file is missing, is not a checkpoint, or needs code to run.
    """
    content = _read(Path(path), dtype)
    for wrapper in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    tensors = (
        {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
        if isinstance(content, dict)
        else {}
    )
    if not tensors:
        raise UserError(f"{path}: has no named tensors, so it is not a checkpoint that can be loaded")
    if all(name.startswith("module.") for name in tensors):
        tensors = {name.removeprefix("module."): value for name, value in tensors.items()}
    tensors = {name: value for name, value in tensors.items() if not name.startswith(PREPROCESSOR)}
    if dtype is None:
        return tensors
    return {name: safetensors.as_type(value, dtype) for name, value in tensors.items()}


def _read(path: Path, dtype: torch.dtype | None) -> Any:
    """Return the content of the file, by PyTorch's safe loader, or with stand-ins for classes that it refuses."""
    if safetensors.is_safetensors(path):
        return safetensors.read(path, dtype)
    is_zip = is_torch_file(path) and zipfile.is_zipfile(path)
    if is_zip and torchscript.is_archive(path):
        return torchscript.read_archive(path)
    check_torch_file(path)  # PyTorch's loader may take hours
    if dtype is not None:
        return read_torch_file(path, dtype)
    try:
        with warnings.catch_warnings(action="ignore"):  # of protocols that PyTorch does not write itself
            return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except pickle.UnpicklingError:
        return read_torch_file(path)
    except READ_ERRORS as error:
        raise UserError(f"{path}: not a PyTorch checkpoint of plain tensors ({first_line(error)})") from error


def load_strict(network: nn.Module, tensors: dict[str, Tensor], path: str | Path, copy: bool = True) -> None:
    """Copy `tensors` into `network`; names and shapes must match.

    Batch norm's num_batches_tracked is not used, and may be absent, as in files older than PyTorch 0.4.

    copy: False makes the tensors themselves the network's, with their types.

    Raises:
        UserError: names the missing, unexpected and wrongly shaped tensors, those of whole numbers, and those with NaN
            or infinity.
    """
    wanted = network.state_dict()
    counters = {name for name in wanted if name.endswith("num_batches_tracked")}
    missing = [name for name in wanted if name not in tensors and name not in counters]
    unexpected = [name for name in tensors if name not in wanted and not name.endswith("num_batches_tracked")]
    misshapen = [
        f"{name} {list(tensors[name].shape)} instead of {list(wanted[name].shape)}"
        for name in wanted
        if name in tensors and tensors[name].shape != wanted[name].shape
    ]
    whole = [
        f"{name} {tensors[name].dtype}"
        for name in wanted
        if name in tensors and wanted[name].is_floating_point() and not tensors[name].is_floating_point()
    ]
    if missing or unexpected or misshapen or whole:
        problems = (("missing", missing), ("unexpected", unexpected), ("wrong shape", misshapen), ("wrong type", whole))
        listed = "; ".join(f"{len(names)} {what}: {_some(names)}" for what, names in problems if names)
        raise UserError(f"{path}: not a checkpoint of {type(network).__name__} ({listed})")
    known = {name: tensors[name] for name in wanted if name in tensors}
    check_finite(known, path)
    network.load_state_dict(known, strict=False, assign=not copy)


def check_finite(tensors: Mapping[str, Tensor], path: str | Path) -> None:
    """Raise UserError, which names tensors, if some have NaN or infinity: every feature would be NaN, or most."""
    broken = [name for name, value in tensors.items() if value.is_floating_point() and not _is_finite(value)]
    if broken:
        raise UserError(
            f"{path}: damaged: {len(broken)} with NaN or infinity: {_some(broken)}; get the file again, or train anew"
        )


def _is_finite(tensor: Tensor) -> bool:
    """Return whether all numbers are finite. A sum takes a seventh of the time of `isfinite`; it may overflow."""
    return math.isfinite(tensor.sum().item()) or bool(tensor.isfinite().all())


def n_classes(tensors: dict[str, Tensor], bias: str, otherwise: int) -> int:
    """Return how many classes a checkpoint's classifier has, by its bias; `otherwise` if it has none."""
    found = tensors.get(bias)
    return len(found) if found is not None and found.ndim else otherwise


def _some(names: Iterable[str], at_most: int = 4) -> str:
    names = list(names)
    more = f" and {len(names) - at_most} more" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more
