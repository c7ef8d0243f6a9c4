"""CUDA graphs on a stand-in that records operations on a CPU and repeats them on the same memory, as a GPU does."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from utils.nn import graphs
from utils.nn.graphs import CudaGraphs, drop_graphs


class Recorder(TorchDispatchMode):
    """Stands in for a graph: repeats what was computed while it was the mode."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[Any] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")
        result = func(*args, **(kwargs or {}))
        self.operations.append((func, args, kwargs or {}, result))
        return result

    def reset(self) -> None:
        self.operations.clear()

    def replay(self) -> None:
        for func, args, kwargs, result in self.operations:
            if (again := func(*args, **kwargs)) is not result:
                result.copy_(again)


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def graph(recorder: Recorder, pool: object, stream: object, capture_error_mode: str) -> Iterator[None]:
        assert (stream, capture_error_mode) == (torch.device("cpu"), "thread_local")  # that of the inputs
        with recorder:
            yield

    monkeypatch.setattr(graphs, "DEVICE", "cpu")
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Recorder)
    monkeypatch.setattr(torch.cuda, "graph", graph)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: device)
    graphs._capture_stream.cache_clear()
    for name in ("current_stream", "graph_pool_handle"):
        monkeypatch.setattr(torch.cuda, name, lambda: (0, 1))
    monkeypatch.setattr(torch.cuda, "set_stream", lambda _stream: None)


class Counted:
    """64 x + 63 in twelve operations, and how often it was called."""

    def __init__(self) -> None:
        self.n_calls = 0
        self.two = torch.tensor(2.0)

    def __call__(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        self.n_calls += 1
        y = inputs["x"]
        for _ in range(6):
            y = y * self.two + 1
        return {"y": y}


def test_a_shape_is_captured_once_and_replayed_on_other_values():
    function, runs = Counted(), CudaGraphs()
    outputs = [runs.run("f", function, {"x": torch.full((3,), float(i))})["y"] for i in range(5)]
    assert [output.tolist() for output in outputs] == [[64 * i + 63] * 3 for i in range(5)]  # each has its own memory
    assert function.n_calls == 2
    runs.run("f", function, {"x": torch.zeros(4)})
    runs.run("g", function, {"x": torch.zeros(3)})
    assert function.n_calls == 4


def test_what_a_graph_reads_is_kept():
    function, runs = Counted(), CudaGraphs()
    for _ in range(2):
        runs.run("f", function, {"x": torch.zeros(3)})
    (captured,) = runs._captured.values()
    assert captured is not None and [value.data_ptr() for value in captured._kept] == [function.two.data_ptr()]


def test_a_function_that_looks_at_values_is_called_itself():
    def function(inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"y": inputs["x"] if inputs["x"].sum() > 3 else -inputs["x"]}

    runs = CudaGraphs()
    found = [runs.run("f", function, {"x": torch.full((3,), float(i))})["y"].tolist() for i in range(4)]
    assert found == [[0] * 3, [-1] * 3, [2] * 3, [3] * 3]


READS: list[Callable[[torch.Tensor], Any]] = [
    torch.Tensor.item, torch.Tensor.tolist, torch.Tensor.numpy, bool, int, float, [7].__getitem__,
]  # fmt: skip


@pytest.mark.parametrize("read", READS)
def test_reading_a_value_is_noticed_at_the_first_call(read):
    def function(inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        read(inputs["x"].new_zeros(()).long())
        return Counted()(inputs)

    runs = CudaGraphs()
    runs.run("f", function, {"x": torch.zeros(3)})
    assert list(runs._captured.values()) == [None]


@pytest.mark.parametrize("ended_by_torch", [False, True])
def test_after_a_capture_that_fails_memory_is_used_as_before(ended_by_torch, monkeypatch):
    done, pools = [], iter([(0, 1), (0, 2)])

    def end(device: int | None, pool: tuple[int, int]) -> None:
        if ended_by_torch:
            raise RuntimeError("endAllocatePool: not currently recording to mempool_id")
        done.append(("ended", device, pool))

    monkeypatch.setattr(torch._C, "_cuda_endAllocateToPool", end, raising=False)
    monkeypatch.setattr(torch._C, "_cuda_releasePool", lambda *given: done.append(("released", *given)), raising=False)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: next(pools))
    monkeypatch.setattr(graphs, "_failed", failed := [])
    function, runs = Counted(), CudaGraphs()

    def reads_later(inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return function(inputs) if function.n_calls == 0 or inputs["x"].sum() < 100 else {}

    for i in range(4):
        assert runs.run("f", reads_later, {"x": torch.full((3,), float(i))})["y"].tolist() == [64 * i + 63] * 3
    assert list(runs._captured.values()) == [None]
    assert done == ([] if ended_by_torch else [("ended", None, (0, 1)), ("released", None, (0, 1))])
    assert [graph.operations for graph in failed] == [[]]  # it stays
    plain = Counted()
    for i in range(3):
        runs.run("g", plain, {"x": torch.full((3,), float(i))})
    assert plain.n_calls == 2 and runs._pool == (0, 2)


@functools.cache
def ten() -> torch.Tensor:
    return sum((torch.ones(1) for _ in range(9)), torch.ones(1))


@pytest.mark.parametrize(
    "function",
    [
        lambda inputs: {"y": inputs["x"][2:]},
        lambda inputs: {"y": inputs["x"] * 2},
        lambda inputs: {"y": inputs["x"] * ten()},
    ],
)
def test_what_does_little_is_called_itself(function):
    runs = CudaGraphs()
    for i in range(3):
        x = torch.arange(6) * i
        assert torch.equal(runs.run("f", function, {"x": x})["y"], function({"x": x})["y"])
    assert list(runs._captured.values()) == [None]


def test_there_are_no_graphs_where_memory_is_short():
    function, runs = Counted(), CudaGraphs()
    for _ in range(3):
        runs.run("f", function, {"x": torch.zeros(3)})
    drop_graphs(torch.device("cuda", 1))
    assert runs._captured  # on another device
    drop_graphs(torch.device("cpu"))
    assert not runs._captured
    assert runs.run("f", function, {"x": torch.ones(3)})["y"].tolist() == [127] * 3
    assert function.n_calls == 3


def test_there_are_no_more_graphs_than_some(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(graphs, "MOST_GRAPHS", 2)
    function, runs = Counted(), CudaGraphs()
    for n in (1, 1, 2, 2, 1, 3, 3, 1):
        runs.run("f", function, {"x": torch.zeros(n)})
    assert function.n_calls == 6
    for n in (2, 3):
        runs.run("f", function, {"x": torch.zeros(n)})
    assert function.n_calls == 7
