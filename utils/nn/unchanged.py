"""What libraries change for the whole process when they are imported or make a network, put back."""

import contextlib
import os
from collections.abc import Generator

import torch


@contextlib.contextmanager
def unchanged() -> Generator[None, None, None]:
    """Put back the environment, and the state of PyTorch's CPU generator, as they were before the block.

    timm and open_clip set variables for the compiler and for tokenizers, and draw weights that are then replaced.
    """
    variables, drawn = dict(os.environ), torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_rng_state(drawn)
        for name in os.environ.keys() - variables.keys():
            del os.environ[name]
        os.environ.update({name: value for name, value in variables.items() if os.environ.get(name) != value})
