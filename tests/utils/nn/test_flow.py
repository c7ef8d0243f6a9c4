import pytest
import torch

from utils.nn.flow import bytes_for_pairs


def test_pairs_may_take_a_share_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: asked.append(device) or (5, 32 << 30))
    bytes_for_pairs.cache_clear()
    assert bytes_for_pairs(torch.device("cpu"), 123) == 123
    device = torch.device("cuda:3")
    assert bytes_for_pairs(device, 123) == bytes_for_pairs(device, 123) == 2 << 30
    assert asked == [device]  # once: asking waits for the GPU
    bytes_for_pairs.cache_clear()
