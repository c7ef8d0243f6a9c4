"""Files of features that other programs wrote: the arrays in them, read without running what a file holds."""

import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

import numpy as np

from utils.errors import UserError, VideoError
from utils.sinks.arrays import npy_info
from utils.sinks.h5 import close_with
from utils.sinks.staging import DAMAGE, near
from utils.storage.array_pickle import load_arrays
from utils.storage.folder import Folder

MOST_BYTES = 4 << 30  # of an array, and of a file that is read whole
DEEPEST = 4  # dicts and lists within each other
UNREADABLE = (*DAMAGE, MemoryError, TypeError, UserError)

Load = Callable[[], np.ndarray]


def suffix_of(name: str) -> str:
    """Return the suffix of a file that can be read, such as ".npy"; "" for any other file."""
    suffix = f".{name.rpartition('.')[2].lower()}"
    return suffix if suffix in READERS else ""


def arrays_in(folder: Folder, name: str) -> dict[str, Load]:
    """Return what reads each array of a file, by its path in the file: "video_1/rgb", and "" where the file is one.

    Raises:
        VideoError: the file is damaged, or has no arrays. Calling what is returned raises it, too.
    """
    where = f"{folder}/{name}"
    found = _guarded(where, lambda: READERS[suffix_of(name)](folder, name))
    if not found:
        raise VideoError(f"{where}: no arrays of numbers in it")
    return {path: _loading(f"{where}: {path}" if path else where, load) for path, load in found.items()}


def _loading(where: str, load: Callable[[], Any]) -> Load:
    return lambda: _guarded(where, lambda: _numbers(load()))


def _guarded(where: str, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except UNREADABLE as error:
        raise VideoError(f"{where}: cannot be read ({str(error).strip() or type(error).__name__})") from error


def _numbers(array: np.ndarray) -> np.ndarray:
    _check(array.dtype, array.nbytes)
    return array


def _check(dtype: Any, n_bytes: int, present: int = MOST_BYTES) -> None:
    """Raise ValueError for an array of anything but numbers, and for one larger than what holds it."""
    if dtype.kind not in "fiub":
        raise ValueError(f"an array of {'objects' if dtype.hasobject else dtype}, not of numbers")
    if n_bytes > min(MOST_BYTES, present):
        raise ValueError(f"an array of {n_bytes} bytes, more than {min(MOST_BYTES, present)}")


def _npy(folder: Folder, name: str) -> dict[str, Load]:
    def load() -> np.ndarray:
        with folder.open(name) as file:
            return _read_npy(file, folder.size(name) or 0)

    return {"": load}


def _read_npy(file: IO[bytes], n_bytes: int) -> np.ndarray:
    info = npy_info(file)
    dtype = np.dtype("O" if "O" in info.dtype else info.dtype)
    _check(dtype, int(np.prod(info.shape, dtype=object)) * dtype.itemsize, n_bytes)
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


def _npz(folder: Folder, name: str) -> dict[str, Load]:
    archive = zipfile.ZipFile(near(folder, name))

    def load(info: zipfile.ZipInfo) -> np.ndarray:
        with archive.open(info) as member:
            return _read_npy(member, info.file_size)

    members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
    return {info.filename.removesuffix(".npy"): lambda info=info: load(info) for info in members}


def _pickle(folder: Folder, name: str) -> dict[str, Load]:
    _check_size(folder, name)
    with folder.open(name) as file:
        content = load_arrays(file, "latin1")
    return {path: lambda array=array: array for path, array in _flat(content) if isinstance(array, np.ndarray)}


def _torch(folder: Folder, name: str) -> dict[str, Load]:
    if folder.local is None:
        raise ValueError("files of torch.save are read from a disk only: copy it")
    from utils.weights.formats.torch_pickle import read_torch_file, torch  # here: it imports PyTorch

    _check_size(folder, name)

    def load(tensor: torch.Tensor) -> np.ndarray:
        if tensor.numel() * tensor.element_size() > MOST_BYTES:
            raise ValueError(f"a tensor of {tensor.numel()} numbers")
        return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()

    content = read_torch_file(folder.local / name)
    return {path: lambda value=value: load(value) for path, value in _flat(content) if isinstance(value, torch.Tensor)}


def _check_size(folder: Folder, name: str) -> None:
    if (n_bytes := folder.size(name) or 0) > MOST_BYTES:
        raise ValueError(f"{n_bytes} bytes, which would have to be read at once")


def _flat(content: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the values in nested dicts and lists with their paths."""
    if isinstance(content, Mapping) and depth < DEEPEST:
        items = ((str(key), value) for key, value in content.items())
    elif isinstance(content, list | tuple) and depth < DEEPEST:
        items = ((str(i), value) for i, value in enumerate(content))
    else:
        yield path, content
        return
    for key, value in items:
        yield from _flat(value, f"{path}/{key}" if path else key, depth + 1)


def _h5(folder: Folder, name: str) -> dict[str, Load]:
    import h5py

    below = near(folder, name)
    file: Any = h5py.File(below, "r")
    found: dict[str, Load] = {}

    def load(path: str) -> np.ndarray:
        node = file[path]
        if node.external or node.is_virtual:
            raise ValueError("its numbers are in another file")
        _check(node.dtype, node.nbytes)
        return np.asarray(node[()])

    def take(path: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            found[path] = lambda: load(path)

    close_with(load, file, below)
    file.visititems(take)
    return found


READERS: Mapping[str, Callable[[Folder, str], dict[str, Load]]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".pkl": _pickle,
    ".pickle": _pickle,
    ".pt": _torch,
    ".pth": _torch,
    ".h5": _h5,
    ".hdf5": _h5,
}
