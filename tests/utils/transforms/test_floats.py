import torch

from utils.transforms import floats


def test_bytes_become_floats_with_channels_first():
    frames = torch.tensor([0, 51, 255], dtype=torch.uint8).expand(2, 4, 5, 3)
    images = floats.to_floats(frames)
    assert images.shape == (2, 3, 4, 5) and images.dtype == torch.float32
    assert torch.equal(images[0, :, 0, 0], torch.tensor([0, 0.2, 1]))


def test_both_sides_are_rounded_down():
    assert floats.resize_floats(torch.zeros(1, 3, 6, 8), (3, 4)).shape == (1, 3, 3, 4)
    assert floats.resize_shorter_floats(torch.zeros(1, 3, 240, 427), 112).shape == (1, 3, 112, 199)


def test_each_channel_is_normalized():
    pixels = torch.tensor([10, 20, 30], dtype=torch.uint8).repeat(2, 4, 5, 1)
    result = floats.normalize(pixels, (10, 10, 10), (1, 2, 4))
    assert result.shape == pixels.shape
    assert torch.equal(result, torch.tensor([0.0, 5.0, 5.0]).expand(2, 4, 5, 3))
