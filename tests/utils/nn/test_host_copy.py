import torch

from utils.nn.host_copy import HostCopy


def test_results_arrive_unchanged():
    outputs = {"rgb": torch.arange(6.0).view(2, 3), "labels": torch.tensor([4, 7])}
    copied = HostCopy(outputs).wait()
    assert copied.keys() == outputs.keys()
    assert all(torch.equal(copied[name], value) for name, value in outputs.items())
