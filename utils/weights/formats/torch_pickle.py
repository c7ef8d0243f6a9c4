"""Read checkpoint pickles that PyTorch's own safe loader refuses, without importing or calling what they name.

A pickle is a program that may call any function by name. The unpickler here knows a few harmless functions; anything
else becomes an object that does nothing. Why not PyTorch's `safe_globals`: docs/architecture.md, "Libraries".
"""

import io
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from utils.errors import UserError
from utils.storage.array_pickle import PICKLE_ERRORS, load_arrays
from utils.storage.bounded_pickle import MOST_STEPS, BoundedUnpickler, encoded, is_nested, ordered_dict

ZIP_MAGIC = b"PK"
LEGACY_NUMBER = 0x1950A86A20F9469CFC6C
LEGACY_MAGIC = pickle.dumps(LEGACY_NUMBER, protocol=2)  # start of files of torch.save before PyTorch 1.6
LEGACY_PROTOCOL = 1001
MOST_PICKLE_BYTES = 1 << 28  # without the values of tensors; as a rule less than 1 MB
READ_ERRORS = (*PICKLE_ERRORS, zipfile.BadZipFile)  # what reading a damaged or foreign file raises

STORAGES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


def is_torch_file(path: str | Path) -> bool:
    """Return whether a file, whatever its name, is one of torch.save, in the old format or the new.

    Raises:
        UserError: it does not exist.
    """
    try:
        with Path(path).open("rb") as file:
            start = file.read(len(LEGACY_MAGIC))
    except OSError as error:
        raise UserError(f"{path}: no such checkpoint file") from error
    return start == LEGACY_MAGIC or start.startswith(ZIP_MAGIC)


class Inert:
    """Stands for an object of a foreign class: takes all that the pickle gives it, and drops it."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Ignore the arguments."""

    def __setstate__(self, state: object) -> None:
        """Ignore the attributes."""

    def __setitem__(self, key: object, value: object) -> None:
        """Ignore an entry of a mapping."""

    def append(self, item: object) -> None:
        """Ignore an item of a list."""

    def extend(self, items: object) -> None:
        """Ignore items of a list."""

    def add(self, item: object) -> None:
        """Ignore an item of a set."""


class TensorUnpickler(BoundedUnpickler):
    """Builds tensors, containers and plain values; an object of any other class becomes `Inert`.

    storage: returns the values [n] of a storage, from its dtype, key and length n.
    """

    def __init__(self, file: BinaryIO, storage: Callable[[torch.dtype, str, int], Tensor]) -> None:
        super().__init__(file, encoding="utf-8")
        self._storage = storage

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for module.name; nothing is imported."""
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        return HARMLESS.get((module, name), Inert)

    def persistent_load(self, pid: Any) -> Tensor:
        """Return the values of the storage that the pickle refers to."""
        kind, dtype, key, _, n_values = pid[:5]
        if kind != "storage" or not isinstance(dtype, torch.dtype) or (len(pid) > 5 and pid[5] is not None):
            raise pickle.UnpicklingError(f"an unknown kind of storage ({kind!r}, {dtype!r})")
        return self._storage(dtype, key, n_values)


def _tensor(storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object) -> Tensor:
    return storage.as_strided(size, stride, offset)


def _parameter(data: Tensor, *_: object) -> Tensor:
    return data


class _Checker(BoundedUnpickler):
    """Goes through a pickle without building any object, to know whether PyTorch reads it in bounded time."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for module.name; nothing is imported."""
        if (module, name) == ("_codecs", "encode"):
            return encoded
        return _Collection if (module, name) in COLLECTIONS else Inert

    def persistent_load(self, pid: Any) -> Inert:
        """Return what stands for the storage that the pickle refers to."""
        return Inert()


class _Collection(Inert):
    """Stands for a collection that is made of items, whose keys are hashed."""

    def __init__(self, *arguments: object) -> None:
        """Raise UnpicklingError for nested keys."""
        for items in arguments:
            for item in items if isinstance(items, list | tuple) else ():
                if is_nested(item) or (isinstance(item, list) and any(map(is_nested, item))):
                    raise pickle.UnpicklingError("it has nested tuples as keys")


COLLECTIONS = {
    (module, name)
    for modules, names in (
        (("collections",), ("OrderedDict", "Counter", "defaultdict")),
        (("builtins", "__builtin__"), ("set", "frozenset", "dict")),
    )
    for module in modules
    for name in names
}

HARMLESS: Mapping[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): ordered_dict,
    ("torch", "Size"): tuple,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
}


def check_torch_file(path: str | Path) -> None:
    """Raise UserError unless a file is one of torch.save that is read in bounded time; its tensors are not read."""
    try:
        with Path(path).open("rb") as file:
            is_zip = file.read(2) == ZIP_MAGIC
            file.seek(0)
            if is_zip:
                with zipfile.ZipFile(file) as archive:
                    for pickled in [info for info in archive.infolist() if info.filename.endswith(".pkl")]:
                        _Checker(io.BytesIO(read_pickle(archive, pickled))).load()
            elif _Checker(file).load() != LEGACY_NUMBER:
                raise ValueError("it begins neither like a zip nor like a file before PyTorch 1.6")
            else:
                for _ in range(4):
                    _Checker(file).load()
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such checkpoint file") from error
    except READ_ERRORS as error:
        raise UserError(f"{path}: not a PyTorch checkpoint of plain tensors ({first_line(error)})") from error


def read_pickle(archive: zipfile.ZipFile, pickled: zipfile.ZipInfo) -> bytes:
    """Return a pickle of an archive; ValueError if it is far too long."""
    if pickled.file_size > MOST_PICKLE_BYTES:
        raise ValueError(f"{pickled.filename} has {pickled.file_size} bytes, more than {MOST_PICKLE_BYTES}")
    return archive.read(pickled)


def read_torch_file(path: str | Path, dtype: torch.dtype | None = None) -> Any:
    """Return what torch.save wrote, with `Inert` instead of every object that is not a tensor or plain value.

    Such files come from training programs that save their own objects with the tensors, such as mmengine's message_hub.
    Tensors are on the CPU.

    dtype: that numbers with a fraction are converted to as they are read, in files of PyTorch 1.6 or later.

    Raises:
        UserError: the file is missing, damaged, or of another format.
    """
    if not is_torch_file(path):
        raise UserError(f"{path}: not a file of torch.save")
    try:
        with Path(path).open("rb") as file:
            return _read_legacy(file) if file.read(2) != ZIP_MAGIC else _read_zip(file, dtype)
    except READ_ERRORS as error:
        raise UserError(f"{path}: not a PyTorch checkpoint that can be read ({first_line(error)})") from error


def _read_zip(file: BinaryIO, wanted: torch.dtype | None) -> Any:
    """Return the content of a file of PyTorch 1.6 or later: a zip of a pickle, and a file for each storage."""
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        (pickled,) = (name for name in names if name.count("/") == 1 and name.endswith("/data.pkl"))
        folder = pickled.removesuffix("data.pkl")
        if f"{folder}byteorder" in names and archive.read(f"{folder}byteorder") != b"little":
            raise ValueError("its numbers are big-endian")
        known: dict[tuple[torch.dtype, str], Tensor] = {}

        def storage(dtype: torch.dtype, key: str, n_values: int) -> Tensor:
            if (dtype, key) not in known:
                values = _values(bytearray(archive.read(f"{folder}data/{key}")), dtype, n_values)
                known[dtype, key] = values.to(wanted) if wanted and dtype.is_floating_point else values
            return known[dtype, key]

        return TensorUnpickler(io.BytesIO(read_pickle(archive, archive.getinfo(pickled))), storage).load()


def _read_legacy(file: BinaryIO) -> Any:
    """Return the content of a file from before PyTorch 1.6: five pickles, then the values of each storage."""
    n_bytes = file.seek(0, io.SEEK_END)
    file.seek(0)
    storages: dict[str, Tensor] = {}

    def storage(dtype: torch.dtype, key: str, n_values: int) -> Tensor:
        if key not in storages:  # filled below: the values come last
            if n_values * dtype.itemsize > n_bytes:
                raise ValueError(f"{n_values} values of a tensor in a file of {n_bytes} bytes")
            storages[key] = torch.zeros(n_values, dtype=dtype)
        return storages[key]

    _, protocol, _ = (TensorUnpickler(file, storage).load() for _ in range(3))
    if protocol != LEGACY_PROTOCOL:
        raise ValueError(f"protocol {protocol}")
    content = TensorUnpickler(file, storage).load()
    for key in TensorUnpickler(file, storage).load():
        (n_values,) = np.frombuffer(file.read(8), "<i8")
        target = storages[key]
        data = bytearray(file.read(int(n_values) * target.element_size()))
        target.copy_(_values(data, target.dtype, target.numel()))
    return content


def _values(data: bytearray, dtype: torch.dtype, n_values: int) -> Tensor:
    """Return `n_values` numbers from their bytes."""
    if n_values == 0:
        return torch.empty(0, dtype=dtype)
    return torch.frombuffer(data, dtype=dtype, count=n_values)


def read_caffe2_blobs(path: str | Path) -> dict[str, np.ndarray]:
    """Return the arrays of a Caffe2 checkpoint by name: a pickle of Python 2 with a dict under "blobs".

    Raises:
        UserError: the file is missing, is not such a pickle, or has more than arrays.
    """
    try:
        with Path(path).open("rb") as file:
            content = load_arrays(file, "latin1", MOST_STEPS)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such checkpoint file") from error
    except READ_ERRORS as error:
        raise UserError(f"{path}: neither a PyTorch nor a Caffe2 checkpoint ({first_line(error)})") from error
    blobs = content.get("blobs") if isinstance(content, dict) else None
    if not isinstance(blobs, dict) or not blobs:
        raise UserError(f'{path}: a pickle without "blobs", so not a Caffe2 checkpoint')
    return {
        name: value
        for name, value in blobs.items()
        if isinstance(name, str) and isinstance(value, np.ndarray) and value.dtype.kind in "fiu"
    }


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, at most 200 characters."""
    text = str(error).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__
