import pytest
import torch

from models.r21d.preprocess import to_network

pytestmark = pytest.mark.usefixtures("skip_init")


def test_every_frame_is_stretched_and_cropped_at_row_8_and_column_30():
    frames = torch.zeros(1, 128, 171, 3, dtype=torch.uint8)  # already of the size: no resize
    frames[0, 8, 30] = 255
    images = to_network(frames)
    assert images.shape == (1, 3, 112, 112)
    assert (images[0, :, 0, 0] - images[0, :, 1, 1] > 4).all()
    assert to_network(torch.zeros(2, 300, 20, 3, dtype=torch.uint8)).shape == (2, 3, 112, 112)
