import torch

from utils.transforms.constants import constant


def test_a_constant_is_copied_to_its_device_once():
    values = constant([0.5, 0.25], torch.device("cpu"))
    assert values.tolist() == [0.5, 0.25] and values.dtype == torch.float32
    assert constant((0.5, 0.25), torch.device("cpu")) is values
    assert constant((1, 2), torch.device("cpu")).dtype == torch.int64
