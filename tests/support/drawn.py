"""Random weights, drawn once for all test processes: the networks of I3D and VGGish alone take seconds, each time."""

import functools
import hashlib
import os
from pathlib import Path

import numpy as np

from support import DRAWN
from utils.weights import seeded

LEAST = 1 << 16  # numbers; fewer are drawn as fast as they are read


def keep_drawn() -> None:
    """Have this process keep the large tensors that it draws in the folder that DRAWN names, and take what is there."""
    folder, draw = os.environ.get(DRAWN), seeded.draw
    if folder is None or hasattr(draw, "__wrapped__"):
        return

    @functools.wraps(draw)
    def kept(name: str, shape: tuple[int, ...], layout: str = "torch") -> np.ndarray:
        if np.prod(shape) < LEAST:
            return draw(name, shape, layout)
        path = Path(folder, hashlib.sha256(repr((name, tuple(shape), layout)).encode()).hexdigest() + ".npy")
        if not path.exists():
            partial = path.with_suffix(f".{os.getpid()}")
            with partial.open("wb") as file:
                np.save(file, draw(name, shape, layout))
            partial.rename(path)
        return np.asarray(np.load(path, mmap_mode="c"))  # what is written to it stays in this process

    seeded.draw = kept
