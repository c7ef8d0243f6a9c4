"""Read checkpoint files without running code from them, and load them into networks strictly."""

import pickle
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from utils.errors import UserError

WRAPPERS = ("state_dict", "model_state")  # the keys under which training programs keep the tensors


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of a PyTorch file by name, on the CPU, in the order of the file.

    Takes bare state dicts and dicts that hold one under "state_dict" or "model_state", zip and legacy
    containers, and drops the "module." prefix of DataParallel where every name carries it.

    Raises:
        UserError: the file is missing, is no checkpoint, or asks to run code.
    """
    path = Path(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=_is_zip(path))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such checkpoint file") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"{path}: not a PyTorch checkpoint of plain tensors ({first_line[:200]})") from error
    for wrapper in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    tensors = (
        {name: value for name, value in content.items() if isinstance(value, Tensor)}
        if isinstance(content, dict)
        else {}
    )
    if not tensors:
        raise UserError(f"{path}: holds no named tensors, so it is not a checkpoint that can be loaded")
    if all(name.startswith("module.") for name in tensors):
        tensors = {name.removeprefix("module."): value for name, value in tensors.items()}
    return tensors


def load_strict(network: nn.Module, tensors: dict[str, Tensor], path: str | Path) -> None:
    """Copy `tensors` into `network`, name for name and shape for shape.

    Batch norm's num_batches_tracked may be absent (files older than PyTorch 0.4) and is not used.

    Raises:
        UserError: names the missing, unexpected and wrongly shaped tensors.
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
    if missing or unexpected or misshapen:
        problems = (("missing", missing), ("unexpected", unexpected), ("wrong shape", misshapen))
        listed = "; ".join(f"{len(names)} {what}: {_some(names)}" for what, names in problems if names)
        raise UserError(f"{path}: not a checkpoint of {type(network).__name__} ({listed})")
    network.load_state_dict({name: tensors[name] for name in wanted if name in tensors}, strict=False)


def _some(names: Iterable[str], at_most: int = 4) -> str:
    names = list(names)
    more = f" and {len(names) - at_most} more" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"
