import cv2
import numpy as np
import pytest
import torch
from support.golden import case

from models.tvl1.preprocess import level_sizes, pyramid, to_grey


def test_grey_levels_are_those_of_opencv():
    frame = np.random.default_rng(0).integers(0, 256, (64, 65, 3), dtype=np.uint8)
    grey = to_grey(torch.from_numpy(frame).permute(2, 0, 1)[None])
    np.testing.assert_array_equal(grey[0, 0], cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))


@pytest.mark.parametrize("name", ["clip_160x213", "disc_96x128"])
def test_sizes_of_the_pyramid(name):
    (first, *rest) = case("tvl1", f"case_{name}")[1]["pyramid_sizes_HW"]
    assert level_sizes(tuple(first), 5) == [tuple(first), *map(tuple, rest)]


def test_the_pyramid_ends_before_a_side_below_16():
    assert level_sizes((24, 40), 5) == [(24, 40), (19, 32)]
    assert level_sizes((8, 200), 5) == [(8, 200)]


def test_levels_of_the_pyramid_are_those_of_opencv():
    image = np.random.default_rng(0).integers(0, 256, (65, 83)).astype(np.float32)
    levels = pyramid(torch.from_numpy(image)[None, None], 5)
    assert len(levels) == 5
    for level in levels:
        np.testing.assert_array_equal(level[0, 0], image)
        image = cv2.resize(image, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_LINEAR)
