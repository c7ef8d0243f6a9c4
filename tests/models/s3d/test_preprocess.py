import pytest
import torch

from models.s3d.preprocess import to_network

pytestmark = pytest.mark.usefixtures("skip_init")


def test_sides_that_come_out_short_and_the_crop():
    assert to_network(torch.zeros(1, 299, 400, 3, dtype=torch.uint8)).shape == (1, 3, 223, 224)
    assert to_network(torch.zeros(1, 360, 240, 3, dtype=torch.uint8)).shape == (1, 3, 224, 224)
    frames = torch.zeros(1, 224, 227, 3, dtype=torch.uint8)
    frames[0, 0, 2] = 255  # a margin of 1.5 columns is rounded to 2
    assert to_network(frames)[0, 0, 0, 0] == 1
    assert to_network(frames, signed=True)[0, 0, 0, :2].tolist() == [1, -1]
