import sys

import pytest
import torch
from support.interpreted import NAME, kernels
from torch._subclasses.fake_tensor import FakeTensorMode

from utils.nn import gpu
from utils.nn.gpu import support


def test_only_tensors_in_the_memory_of_a_gpu_fit():
    assert not support.fits(torch.ones(2, 3, 4, 4))
    with FakeTensorMode():
        fake = torch.ones(2, 3, 4, 4, device="cuda")
        assert fake.is_cuda and not support.fits(fake)


@pytest.mark.parametrize("name", support.TRIALS)
def test_a_kernel_is_used_if_its_trial_is_right(name, monkeypatch):
    module = kernels(monkeypatch)
    monkeypatch.setattr(gpu, "kernels", module, raising=False)
    monkeypatch.setitem(sys.modules, NAME, module)
    monkeypatch.setattr(support, "DEVICE", "cpu")
    find = support.kernel.__wrapped__
    assert find(name) is getattr(module, name)
    monkeypatch.setattr(module, name, lambda x, *_: x + 1)
    assert find(name) is None
    monkeypatch.setattr(module, name, lambda *_: 1 / 0)
    assert find(name) is None
    monkeypatch.delitem(support.TRIALS, name)  # the switch
    assert find(name) is None


def test_without_triton_there_is_no_kernel(monkeypatch):
    monkeypatch.delattr(gpu, "kernels", raising=False)
    monkeypatch.setitem(sys.modules, NAME, None)
    assert support.kernel.__wrapped__("max_pool") is None
