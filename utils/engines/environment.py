"""Settings of the libraries that a worker loads, most of which count when its process starts, so it inherits them."""

import contextlib
import gc
import os
from collections.abc import Generator, Mapping
from types import MappingProxyType

VARIABLES = {
    # Spinning threads make a busy machine two to four times slower, and gain nothing on a quiet one.
    "OMP_WAIT_POLICY": "PASSIVE",
    # numpy's matrix products (resampling audio) run in the decode threads. With more threads for each product, they
    # take the cores that the network needs: VGGish took 1.4 times as long.
    "OPENBLAS_NUM_THREADS": "1",
    # Huge pages for PyTorch's tensors: feature maps of tens of MiB are freed and allocated again for every layer.
    "THP_MEM_ALLOC_ENABLE": "1",
}
WORKER = "FEATMILL_WORKER"  # set in workers
UNGUARDED = 79  # exit code of a worker whose import of the user's script calls main() again


def worker_environment() -> contextlib.AbstractContextManager[None]:
    """Set the variables for processes that are started in the block, where the user has not set them."""
    return library_environment({WORKER: "1"})


@contextlib.contextmanager
def library_environment(others: Mapping[str, str] = MappingProxyType({})) -> Generator[None, None, None]:
    """Set the variables for libraries that are imported in the block, where the user has not set them."""
    variables = {**VARIABLES, **others}
    ours = [name for name in variables if name not in os.environ]
    os.environ.update({name: variables[name] for name in ours})
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


@contextlib.contextmanager
def without_garbage_collection() -> Generator[None, None, None]:
    """Pause garbage collection for the imports in the block, which saves a fifth of PyTorch's import time.

    What was imported is never scanned later either.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def end_if_worker() -> None:
    """End this process where it is a worker: one imports the script that started the run, which must not start another.

    At once, before the script prints or writes anything; the process that started it says what to do.
    """
    if WORKER in os.environ:
        os._exit(UNGUARDED)
