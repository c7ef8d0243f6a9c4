"""Pickles of numpy arrays, containers and plain values, read without importing or calling what they name.

A pickle is a program that may call any function by name. The unpickler here knows only the few names that numpy's own
pickles need, and refuses a file with any other. Imports no torch.
"""

import codecs
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

PICKLE_ERRORS = (  # what an unpickler raises on a damaged or foreign file
    pickle.UnpicklingError, EOFError, OSError, RuntimeError, ArithmeticError,
    ValueError, TypeError, AttributeError, LookupError, MemoryError, ImportError,
)  # fmt: skip

ARRAYS: Mapping[tuple[str, str], Any] = (  # functions and classes
    {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): codecs.encode,  # of bytes, by Python 2 and protocol 2
        ("collections", "OrderedDict"): OrderedDict,
    }
    | {
        (module, name): function
        for module in ("numpy.core.multiarray", "numpy._core.multiarray")  # before numpy 2, and since
        for name, function in (
            ("_reconstruct", np.empty(0).__reduce__()[0]),
            ("scalar", np.float32().__reduce__()[0]),
        )
    }
    | {
        (module, "_frombuffer"): np.empty(1).__reduce_ex__(5)[0]  # of protocol 5
        for module in ("numpy.core.numeric", "numpy._core.numeric")
    }
)


class ArrayUnpickler(pickle.Unpickler):
    """Builds numpy arrays, containers and plain values, and refuses any other class."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the function or class that one of numpy's pickles names.

        Raises:
            pickle.UnpicklingError: the pickle names anything else.
        """
        if (module, name) not in ARRAYS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not data")
        return ARRAYS[module, name]


def load_arrays(file: BinaryIO, encoding: str = "ASCII") -> Any:
    """Return the content of a pickle of arrays.

    encoding: of the byte strings of Python 2, see `pickle.load`.

    Raises:
        ValueError: the file is damaged, or has more than arrays, containers and plain values.
    """
    try:
        return ArrayUnpickler(file, encoding=encoding).load()
    except PICKLE_ERRORS as error:
        raise ValueError(f"not a pickle of arrays: {str(error) or type(error).__name__}") from error
