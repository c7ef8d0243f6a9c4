"""Threads that share the rows of a batch on a CPU, instead of working on every row together.

Threads that share a convolution wait for each other at its end. Threads with separate rows hardly ever wait, and one
computes while another moves memory: 3 to 17 % faster (docs/performance.md).

A convolution also rounds differently on two threads than on one, and quantized flow turns a last digit into a level.
So each frame and pair of a flow network is always computed on one thread: the bits do not depend on how many cores a
worker has.
"""

import contextlib
import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from weakref import WeakSet

import torch
from torch import Tensor

from utils.nn.flow import Encoded, FlowNetwork

Part = TypeVar("Part")
Result = TypeVar("Result")
Tensors = dict[str, Tensor]  # with the same number of rows


def set_threads(n: int) -> None:
    """Let torch compute on n threads what the calling thread asks for.

    Asking first matters: a thread's first question gives it the number that any thread has set last.
    """
    if torch.get_num_threads() != n:
        torch.set_num_threads(n)


def start_vector_math() -> None:
    """Have MKL's logarithms, exponentials and the like choose their functions for this CPU, in one thread.

    They choose in the first call, without a lock (MKL 2024.2, by its code). On an Intel CPU with AVX-512, the variable
    that says which functions to take is 9 for a moment, then 5. Another thread's first call that reads the 9 takes the
    function of half precision: logarithms are off by up to 4.05e-5.
    """
    torch.ones(1, dtype=torch.float32, device="cpu").log()


class RowThreads:
    """Threads for parts of a batch: as many as torch uses in the thread that constructs this."""

    def __init__(self) -> None:
        for made in _made_inside:
            made.add(self)
        start_vector_math()
        self._n_threads = torch.get_num_threads()
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._pool = ThreadPoolExecutor(self._n_threads)

    def map(self, function: Callable[[Part], Result], parts: Sequence[Part], threads_each: int = 1) -> list[Result]:
        """Return function(part) for each part, in inference mode. threads_each: torch's threads for one part."""

        def on_thread(part: Part) -> Result:
            set_threads(threads_each)
            with torch.inference_mode():  # a setting of each thread, too
                return function(part)

        if os.getpid() != self._process:  # forked, where the pool's threads are the parent's, or ended
            self._start()
        return list(self._pool.map(on_thread, parts))

    def end(self) -> None:
        """End the threads, and wait until they have ended; later work starts others."""
        if os.getpid() == self._process:
            self._pool.shutdown()
            self._process = 0

    def spread(self, function: Callable[[Tensors], Tensors], batch: Tensors, at_least: int = 1) -> Tensors:
        """Return function(batch), computed from parts of at least `at_least` rows."""
        n_parts = min(len(next(iter(batch.values()))) // at_least, self._n_threads)
        if n_parts < 2:
            return function(batch)
        split = {name: value.tensor_split(n_parts) for name, value in batch.items()}
        parts = [dict(zip(split, values, strict=True)) for values in zip(*split.values(), strict=True)]
        outputs = self.map(function, parts, self._n_threads // n_parts)
        return {name: torch.cat([part[name] for part in outputs]) for name in outputs[0]}


_made_inside: list[WeakSet[RowThreads]] = []


@contextlib.contextmanager
def row_threads_made() -> Generator[WeakSet[RowThreads], None, None]:
    """Yield a set that gets what is constructed inside, by any thread, as long as something else keeps it."""
    made = WeakSet[RowThreads]()
    _made_inside.append(made)
    try:
        yield made
    finally:
        _made_inside.remove(made)


def row_by_row(network: FlowNetwork, device: torch.device) -> FlowNetwork:
    """Return the network itself for a GPU; for a CPU, one that shares its rows among torch's threads."""
    return RowByRow(network) if device.type == "cpu" else network


class RowByRow:
    """A flow network that works on each frame and each pair in one thread."""

    def __init__(self, network: FlowNetwork) -> None:
        self.fixed_work = network.fixed_work
        self._network = network
        self._threads = RowThreads()

    def encode(self, frames: Tensor) -> Encoded:
        """Return what `between` needs of each frame, as the network does."""
        rows = self._threads.map(self._network.encode, frames.split(1))
        return tuple(torch.cat(parts) for parts in zip(*rows, strict=True))

    def between(self, first: Encoded, second: Encoded, size: tuple[int, int]) -> Tensor:
        """Return the flow of each pair, as the network does."""

        def flow(row: int) -> Tensor:
            ours, theirs = (tuple(part[row : row + 1] for part in encoded) for encoded in (first, second))
            return self._network.between(ours, theirs, size)

        return torch.cat(self._threads.map(flow, range(len(first[0]))))

    def pairs_at_once(self, size: tuple[int, int]) -> int:
        """Return how many pairs fit a batch, as the network does."""
        return self._network.pairs_at_once(size)
