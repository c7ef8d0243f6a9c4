"""Settings of the libraries that a worker loads, most of which count when a process starts, so it inherits them."""

import contextlib
import gc
import os
from collections.abc import Iterator

VARIABLES = {
    # Threads that wait for each other by spinning make a busy machine two to four times slower, and gain nothing on a
    # quiet one.
    "OMP_WAIT_POLICY": "PASSIVE",
    # numpy's products, those of resampling, run on threads of the decoder's. More threads for each of them would spin
    # on the cores that the network needs: VGGish took 1.4 times as long.
    "OPENBLAS_NUM_THREADS": "1",
    # PyTorch's tensors in pages of 2 MiB: maps of tens of MiB are given back and taken anew for every layer.
    "THP_MEM_ALLOC_ENABLE": "1",
}


def tuned_environment() -> None:
    """Set the variables for processes that this one starts; the user's own values stay."""
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)


@contextlib.contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Import in the block without looking for garbage: a fifth of the time that PyTorch takes, and there is none.

    What was imported is not looked through later either.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
