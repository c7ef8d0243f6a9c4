"""Read safetensors files: 8 bytes with the length of a JSON header, the header, then the tensors."""

from pathlib import Path

import torch
from torch import Tensor

from utils.errors import UserError
from utils.weights.formats.torch_pickle import is_torch_file

LENGTH_BYTES = 8
MOST_HEADER_BYTES = 32 << 20  # 100 bytes take a tensor


def is_safetensors(path: Path) -> bool:
    """Return whether a file begins like one: with a header, or, by its suffix, with what should be one.

    Raises:
        UserError: it does not exist.
    """
    if is_torch_file(path):
        return False
    with path.open("rb") as file:
        start = file.read(LENGTH_BYTES + 1)
    return path.suffix == ".safetensors" or start[LENGTH_BYTES:] == b"{"


def read(path: Path, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
    """Return the tensors by name, on the CPU.

    dtype: that numbers with a fraction are converted to as they are read, one tensor after the other; None for the
        file's own, mapped from it.

    Raises:
        UserError: the file is damaged, or the package is missing.
    """
    try:
        from safetensors import SafetensorError, safe_open
        from safetensors.torch import load_file
    except ImportError as error:
        raise UserError(f"{path}: a safetensors file needs the package safetensors; install it") from error
    _check_header(path)
    try:
        if dtype is None:
            return load_file(path)
        with safe_open(path, framework="pt", backend="pread") as file:  # pages of a mapped file count as memory, too
            return {name: as_type(file.get_tensor(name), dtype) for name in file.keys()}  # noqa: SIM118 - no dict
    except (SafetensorError, ValueError, RuntimeError, KeyError) as error:
        raise UserError(f"{path}: not a safetensors file that can be read ({error})") from error


def as_type(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Return numbers with a fraction in a type, others unchanged."""
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def _check_header(path: Path) -> None:
    """Raise UserError if the header is longer than the file, or than that of any network."""
    with path.open("rb") as file:
        n_bytes = int.from_bytes(file.read(LENGTH_BYTES), "little")
    most = min(path.stat().st_size - LENGTH_BYTES, MOST_HEADER_BYTES)
    if n_bytes > most:
        of = "the file has" if most < MOST_HEADER_BYTES else "a header may have"
        raise UserError(
            f"{path}: not a safetensors file that can be read (its header is said to have {n_bytes} bytes, "
            f"{of} {most}). Download it again."
        )
