"""Which threads a batch runs on."""

import threading

import pytest
import torch

from utils.nn.execute import batch_function
from utils.nn.prepare import ComputeMode


@pytest.fixture
def calls():
    return []


@pytest.fixture
def forward(calls):
    def doubled(batch):
        calls.append((threading.get_ident(), len(batch["x"])))
        return {"y": batch["x"] * 2}

    return doubled


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_rows_are_shared_among_threads_on_a_cpu(forward, calls):
    run = batch_function(forward, torch.device("cpu"), ComputeMode(), 2)
    assert run({"x": torch.arange(5)})["y"].tolist() == [0, 2, 4, 6, 8]
    assert sorted(n_rows for _, n_rows in calls) == [2, 3]
    assert threading.get_ident() not in [thread for thread, _ in calls]


@pytest.mark.parametrize(("device", "compiled"), [("cuda", False), ("cpu", True)])
def test_a_gpu_and_a_compiled_network_get_whole_batches(forward, calls, device, compiled):
    batch_function(forward, torch.device(device), ComputeMode(compile=compiled), 1)({"x": torch.arange(5)})
    assert calls == [(threading.get_ident(), 5)]
