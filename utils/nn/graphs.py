"""Functions of tensors as CUDA graphs: one launch for all of their kernels.

Launching a kernel takes the host 10 us, and 15 times that beside threads that decode, since all of them share Python's
interpreter. RAFT has 2,000 kernels per batch. (docs/performance.md)
"""

import contextlib
import functools
import weakref
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

DEVICE = "cuda"
Tensors = dict[str, Tensor]
Function = Callable[[Tensors], Tensors]
FEWEST_OPERATIONS = 6  # in a graph: copying inputs and outputs takes some, too
MOST_GRAPHS = 64  # of one `CudaGraphs`; capturing those of ever new sizes would take longer than it saves
READING = {  # a tensor's values on the host
    getattr(Tensor, name) for name in ("item", "tolist", "numpy", "__bool__", "__int__", "__float__", "__index__")
}

_all: "weakref.WeakSet[CudaGraphs]" = weakref.WeakSet()
_failed: list[torch.cuda.CUDAGraph] = []  # PyTorch's allocator of pinned memory keeps asking them, see `_end_capture`


class CudaGraphs:
    """Runs functions by CUDA graphs, one for each shape of their inputs, captured when it comes for the second time.

    A function that cannot be captured, since it reads values on the host, is called itself, and so is one of few
    operations.

    wanted: False calls all functions themselves.
    """

    def __init__(self, wanted: bool = True) -> None:
        self._seen: set[Hashable] = set()
        self._captured: dict[Hashable, _Captured | None] = {}
        self._n_graphs = 0
        self._wanted = wanted
        self.device: torch.device | None = None  # of the inputs, once there were any
        _all.add(self)

    def run(self, name: Hashable, function: Function, inputs: Tensors) -> Tensors:
        """Return function(inputs). name: of the function, and of what else decides what it computes."""
        if not self._wanted or {value.device.type for value in inputs.values()} != {DEVICE}:
            return function(inputs)
        self.device = next(iter(inputs.values())).device
        key = (name, *((each, value.shape, value.stride(), value.dtype) for each, value in inputs.items()))
        if key not in self._seen:  # the first call makes constants, and cuDNN searches its algorithms
            self._seen.add(key)
            with _Outside(inputs) as outside:
                outputs = function(inputs)
            if outside.n_made < FEWEST_OPERATIONS or outside.reads:
                self._captured[key] = None
            return outputs
        if key not in self._captured and self._n_graphs < MOST_GRAPHS:
            try:
                captured = self._captured[key] = _capture(function, inputs, self._pool)
            except _CaptureError:
                captured = self._captured[key] = None
                del self._pool  # PyTorch may take it for one that is still captured to
            self._n_graphs += captured is not None
        captured = self._captured.get(key)
        return function(inputs) if captured is None else captured.replay(inputs)

    @functools.cached_property
    def _pool(self) -> Any:
        """Memory that the graphs share, since one runs at a time and its outputs are copied."""
        return torch.cuda.graph_pool_handle()

    def drop(self) -> None:
        """Drop the graphs with their memory, and make no more."""
        self._captured.clear()
        self._wanted = False


def drop_graphs(device: torch.device) -> None:
    """Drop this process's graphs on a GPU, whose memory is needed for something else."""
    for graphs in _all:
        if graphs.device == device:
            graphs.drop()


class _Captured:
    """A graph with the tensors that its kernels read and write. kept: those that were not made in it."""

    def __init__(self, graph: torch.cuda.CUDAGraph, inputs: Tensors, outputs: Tensors, kept: Sequence[Tensor]) -> None:
        self._graph, self._inputs, self._outputs, self._kept = graph, inputs, outputs, kept

    def replay(self, inputs: Tensors) -> Tensors:
        """Return the outputs for other inputs of the same shapes."""
        for name, value in inputs.items():
            self._inputs[name].copy_(value)
        self._graph.replay()
        return {name: value.clone() for name, value in self._outputs.items()}  # the next replay writes over them


@functools.cache
def _capture_stream(device: torch.device) -> torch.cuda.Stream:
    """Return what graphs of a GPU are captured on.

    By itself PyTorch takes one stream for all: of the GPU that a process captures on first. Of another GPU's work
    nothing would be captured, and each replay would return the same outputs.
    """
    return torch.cuda.Stream(device)


class _CaptureError(Exception):
    """A function cannot be a graph."""


def _capture(function: Function, inputs: Tensors, pool: Any) -> _Captured | None:
    """Return the function as a graph; None if it has few operations.

    Raises:
        _CaptureError: it cannot be one.
    """
    graph, static = torch.cuda.CUDAGraph(), {name: value.clone() for name, value in inputs.items()}
    outside, device = _Outside(static), next(iter(inputs.values())).device
    computing, capturing = torch.cuda.current_stream(), _capture_stream(device)
    try:
        # decode threads may allocate pinned memory meanwhile
        with torch.cuda.graph(graph, pool, capturing, capture_error_mode="thread_local"), outside:
            outputs = function(static)
    except RuntimeError as error:
        _end_capture(graph, pool, device)
        raise _CaptureError from error
    finally:
        torch.cuda.set_stream(computing)  # an error within a capture leaves another one
    if outside.n_made < FEWEST_OPERATIONS:  # the first call, which counted more, made constants
        return None
    return _Captured(graph, static, outputs, outside.tensors)


def _end_capture(graph: torch.cuda.CUDAGraph, pool: Any, device: torch.device) -> None:
    """Let PyTorch's allocators go on after a capture that failed.

    PyTorch (2.11, `CUDAGraph::capture_end`) leaves them as within the capture: memory that two streams have used, as
    all frames have, would never be used again. That of pinned memory has no way back, but asks the graph, and so finds
    that nothing is captured.
    """
    graph.reset()  # gives back the memory of one that was captured before the error
    _failed.append(graph)
    with contextlib.suppress(RuntimeError):  # of a PyTorch that has ended it, or of a capture that did not begin
        torch._C._cuda_endAllocateToPool(device.index, pool)  # pyright: ignore[reportAttributeAccessIssue]  # only in builds for CUDA
        torch._C._cuda_releasePool(device.index, pool)  # pyright: ignore[reportAttributeAccessIssue]  # the same


class _Outside(TorchFunctionMode):
    """Collects the tensors that operations read and that none of them made, such as constants that a cache may drop.

    It also notes whether values are read on the host, for which a graph cannot wait.

    A TorchDispatchMode would see the same, but imports PyTorch's compiler.
    """

    def __init__(self, inputs: Tensors) -> None:
        super().__init__()
        self.tensors: list[Tensor] = []
        self.n_made = 0  # tensors, views of others left out
        self.reads = False  # values on the host
        self._known = _memory(inputs)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = _tensors((args, kwargs))
        for value in given:
            if not _memory(value) <= self._known:
                self._known |= _memory(value)
                self.tensors.append(value)
        result = func(*args, **(kwargs or {}))
        if any(value.device.type == DEVICE for value in given):
            self.reads |= func in READING or any(value.device.type != DEVICE for value in _tensors(result))
        self.n_made += not _memory(result) <= self._known
        self._known |= _memory(result)
        return result


def _memory(values: Any) -> set[int]:
    """Return the addresses of the memory that tensors lie in."""
    return {value.untyped_storage().data_ptr() for value in _tensors(values)}


def _tensors(values: Any) -> list[Tensor]:
    """Return the tensors within nested tuples, lists and dictionaries."""
    if isinstance(values, Tensor):
        return [values]
    if isinstance(values, dict):
        values = values.values()
    elif not isinstance(values, list | tuple):
        return []
    return [tensor for value in values for tensor in _tensors(value)]
