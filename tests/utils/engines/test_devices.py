import ctypes

import pytest

from utils.config.run import RunConfig
from utils.engines import devices
from utils.engines.devices import n_gpus, with_precision
from utils.run.prepare import Resources


class Driver:
    """A stand-in for libcuda.so.1 with three GPUs."""

    def __init__(self, error: int = 0) -> None:
        self.error = error

    def cuInit(self, _flags: int) -> int:  # noqa: N802 - the driver's name
        return self.error

    def cuDeviceGetCount(self, count) -> int:  # noqa: N802 - the driver's name
        count._obj.value = 3
        return 0


@pytest.mark.parametrize(("error", "n"), [(0, 3), (100, 0)], ids=["three GPUs", "CUDA_ERROR_NO_DEVICE"])
def test_the_driver_is_asked_for_gpus(monkeypatch, error, n):
    asked = []
    monkeypatch.setattr(devices.ctypes, "CDLL", lambda name: asked.append(name) or Driver(error))
    assert n_gpus() == n
    assert asked == [devices.DRIVER]


def test_without_a_driver_there_is_no_gpu(monkeypatch):
    def missing(_name: str) -> None:
        raise OSError("libcuda.so.1: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert n_gpus() == 0


@pytest.mark.parametrize(
    ("device", "precision", "recorded"),
    [("cpu", "auto", "float32"), ("cpu", "bf16", "bf16"), ("cuda:0", "auto", "auto"), ("cuda:0", "float32", "float32")],
)
def test_auto_is_recorded_as_float32_on_cpus(device, precision, recorded):
    resources = Resources((device,), 1, 1)
    assert with_precision(RunConfig(precision=precision), resources).precision == recorded
    assert RunConfig().precision == "auto"
