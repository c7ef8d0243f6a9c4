import pytest
import torch

from utils.transforms import geometry


def test_sizes_by_one_side():
    assert geometry.shorter_side(239, 427, 256) == (256, 457)  # rounded down
    assert geometry.shorter_side(427, 239, 256) == (457, 256)
    assert geometry.shorter_side_rounded(168, 94, 256) == (458, 256)
    assert geometry.longer_side(427, 239, 256) == (256, 143)
    assert geometry.longer_side(1, 1000, 256) == (1, 256)
    assert geometry.wide(1, 1, 256) == (256, 340)


def test_the_middle_square():
    images = torch.arange(5 * 8).reshape(5, 8)
    assert geometry.center_crop_box(5, 8, 4) == (0, 2)
    assert geometry.center_crop(images, 4)[0, 0] == 2
    assert geometry.center_crop(images[..., None].expand(5, 8, 3), 4, height_dim=-3)[0, 0, 0] == 2
    assert geometry.center_crop_even(images, 2)[0, 0] == 2 * 8 + 3  # half of 3 is rounded to 2, of 6 it is 3
    assert geometry.center_crop_even(images, 6).shape == (5, 6)
    assert geometry.Region(1, 2, 3, 4).of(torch.zeros(2, 5, 8, 3)).shape == (2, 3, 4, 3)
    with pytest.raises(ValueError, match="cannot crop 6x6 out of 5x8"):
        geometry.center_crop_box(5, 8, 6)
