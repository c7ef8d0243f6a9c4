"""Settings of the libraries that a worker loads, most of which count when its process starts, so it inherits them."""

import contextlib
import gc
import os
from collections.abc import Generator

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


@contextlib.contextmanager
def worker_environment() -> Generator[None, None, None]:
    """Set the variables for processes that are started in the block, where the user has not set them."""
    ours = [name for name in VARIABLES if name not in os.environ]
    os.environ.update({name: VARIABLES[name] for name in ours})
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


@contextlib.contextmanager
def without_garbage_collection() -> Generator[None, None, None]:
    """Import in the block without looking for garbage: a fifth of the time that PyTorch takes, and there is none.

    What was imported is not looked through later either.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
