"""Pickles of numpy arrays, containers and plain values, read without importing or calling what they name.

A pickle is a program that may call any function by name. The unpickler here knows only the few names that numpy's own
pickles need, and refuses a file with any other, or one that takes too long. Imports no torch.
"""

import pickle
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from utils.storage.bounded_pickle import BoundedUnpickler, encoded, ordered_dict

PICKLE_ERRORS = (  # what an unpickler raises on a damaged or foreign file
    pickle.UnpicklingError, EOFError, OSError, RuntimeError, ArithmeticError,
    ValueError, TypeError, AttributeError, LookupError, MemoryError, ImportError, struct.error, AssertionError,
)  # fmt: skip
MOST_ARRAY_STEPS = 10_000_000  # about 15 seconds; 200 take a clip of a shard file, and a hostile file one per byte
LONGEST_DTYPE = 32  # characters of numpy's names of numbers, such as "f4"


def _dtype(name: Any, *flags: Any) -> np.dtype[Any]:
    """Return the data type of a name; ValueError for types of objects and of many fields."""
    if not isinstance(name, str) or len(name) > LONGEST_DTYPE or np.dtype(name).hasobject:
        raise ValueError("an array of something other than numbers")
    return np.dtype(name, *flags)


def _empty(*_arguments: Any) -> np.ndarray:
    """Return an array that its pickled state is set on, whatever the pickle says of its shape."""
    return np.ndarray((0,), np.int8)


def _no_bytes() -> bytes:
    return b""


ARRAYS: Mapping[tuple[str, str], Any] = (  # functions and classes
    {
        ("numpy", "ndarray"): _empty,  # which numpy's pickles never call
        ("numpy", "dtype"): _dtype,
        ("_codecs", "encode"): encoded,
        ("__builtin__", "bytes"): _no_bytes,  # of an empty array
        ("collections", "OrderedDict"): ordered_dict,
    }
    | {
        (module, name): function
        for module in ("numpy.core.multiarray", "numpy._core.multiarray")  # before numpy 2, and since
        for name, function in (
            ("_reconstruct", _empty),
            ("scalar", np.float32().__reduce__()[0]),
        )
    }
    | {
        (module, "_frombuffer"): np.empty(1).__reduce_ex__(5)[0]  # of protocol 5
        for module in ("numpy.core.numeric", "numpy._core.numeric")
    }
)


class ArrayUnpickler(BoundedUnpickler):
    """Builds numpy arrays, containers and plain values, and refuses any other class."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the function or class that one of numpy's pickles names.

        Raises:
            pickle.UnpicklingError: the pickle names anything else.
        """
        if (module, name) not in ARRAYS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not data")
        return ARRAYS[module, name]


def load_arrays(file: BinaryIO, encoding: str = "ASCII", most_steps: int = MOST_ARRAY_STEPS) -> Any:
    """Return the content of a pickle of arrays.

    encoding: of the byte strings of Python 2, see `pickle.load`. most_steps: see `BoundedUnpickler`.

    Raises:
        ValueError: the file is damaged, or has more than arrays, containers and plain values.
    """
    try:
        return ArrayUnpickler(file, encoding, most_steps).load()
    except PICKLE_ERRORS as error:
        raise ValueError(f"not a pickle of arrays: {str(error) or type(error).__name__}") from error
