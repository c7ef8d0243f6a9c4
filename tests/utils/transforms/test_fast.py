"""Resizing by PyTorch's kernels against Pillow's."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.transforms import fast
from utils.transforms.fast import resize_fast
from utils.transforms.geometry import Region
from utils.transforms.pillow import resize_pillow

SIDES = st.integers(1, 90)
FILTERS = ("bicubic", "bilinear")
MOST = 2  # grey levels


def noise(seed: int, n: int, height: int, width: int) -> torch.Tensor:
    """Noise, half of it black and white, so that bicubic runs over both ends of the range."""
    rng = np.random.default_rng(seed)
    frames = rng.integers(0, 256, (n, height, width, 3), dtype=np.uint8)
    return torch.from_numpy(np.where(rng.random((n, height, width, 1)) < 0.5, frames, (frames > 127) * np.uint8(255)))


def on_a_gpu(frames, size, filter):
    images = fast._resize_floats(frames.permute(0, 3, 1, 2), size, filter)
    return images.permute(0, 2, 3, 1)


@settings(max_examples=200)
@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from(FILTERS), st.integers(0, 2**32 - 1))
def test_pillow_is_two_grey_levels_away_at_most(h_in, w_in, h_out, w_out, name, seed):
    frames = noise(seed, 2, h_in, w_in)
    exact = resize_pillow(frames, (h_out, w_out), name)
    for resize in (resize_fast, on_a_gpu):
        resized = resize(frames, (h_out, w_out), name)
        assert resized.dtype == torch.uint8 and resized.shape == exact.shape
        assert int((resized.int() - exact.int()).abs().max()) <= MOST


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize(
    "source, size", [((1080, 1920), (256, 455)), ((239, 427), (256, 457)), ((97, 1800), (224, 41))]
)
def test_video_sizes(source, size, name):
    frames = noise(5, 2, *source)
    exact, part = resize_pillow(frames, size, name), Region(3, 5, 200, 30)
    for resize in (resize_fast, on_a_gpu):
        off = (resize(frames, size, name).int() - exact.int()).abs()
        assert int(off.max()) <= MOST
        assert float((off > 0).float().mean()) < 0.05
    assert torch.equal(resize_fast(frames, size, name, part), part.of(resize_fast(frames, size, name)))


def test_equal_sizes_are_left():
    frames = noise(6, 3, 40, 50)
    assert resize_fast(frames, (40, 50)) is frames
    assert torch.equal(resize_fast(frames, (40, 50), part=Region(1, 2, 3, 4)), frames[:, 1:4, 2:6])
