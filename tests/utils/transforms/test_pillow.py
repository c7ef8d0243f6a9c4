import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from utils.transforms.geometry import Region, center_crop, center_crop_box, shorter_side
from utils.transforms.pillow import Filter, resize_by_taps, resize_pillow, resize_pillow_13

SIDES = st.integers(1, 90)
FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def random_frames(seed: int, n: int, height: int, width: int) -> np.ndarray:
    """Noise, half of it black and white, so that bicubic runs over both ends of the range."""
    rng = np.random.default_rng(seed)
    frames = rng.integers(0, 256, (n, height, width, 3), dtype=np.uint8)
    return np.where(rng.random((n, height, width, 1)) < 0.5, frames, np.where(frames < 128, 0, 255)).astype(np.uint8)


@settings(max_examples=200)
@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from(sorted(FILTERS)), st.integers(0, 2**32 - 1))
def test_both_ways_equal_pillow(h_in: int, w_in: int, h_out: int, w_out: int, name: Filter, seed: int) -> None:
    frames = random_frames(seed, 1, h_in, w_in)
    # Two calls, since Pillow 13 resizes the height first in some shapes (see resize_pillow).
    pillow = Image.fromarray(frames[0]).resize((w_out, h_in), FILTERS[name])
    pillow = np.asarray(pillow.resize((w_out, h_out), FILTERS[name]))
    for resize in (resize_pillow, resize_by_taps):
        assert np.array_equal(resize(torch.from_numpy(frames), (h_out, w_out), name)[0], pillow)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("source, size", [((720, 1280), (256, 455)), ((239, 427), (256, 457)), ((97, 1800), (224, 41))])
def test_both_ways_equal_pillow_on_video_sizes(source: tuple[int, int], size: tuple[int, int], name: Filter) -> None:
    frames = random_frames(5, 2, *source)
    height, width = size
    pillow = np.stack([np.asarray(Image.fromarray(frame).resize((width, height), FILTERS[name])) for frame in frames])
    for resize in (resize_pillow, resize_by_taps):
        resized = resize(torch.from_numpy(frames), size, name)
        assert resized.dtype == torch.uint8 and np.array_equal(resized, pillow)


@pytest.mark.parametrize("source, size", [((300, 226), (256, 340)), ((120, 160), (256, 340)), ((400, 340), (300, 300))])
def test_pillow_13_starts_with_the_height_where_that_drops_more(source, size) -> None:
    frames = torch.from_numpy(random_frames(8, 1, *source))
    height_first = source[0] > size[0]
    between = (size[0], source[1]) if height_first else (source[0], size[1])
    expected = resize_by_taps(resize_by_taps(frames, between, "lanczos"), size, "lanczos")
    assert torch.equal(resize_pillow_13(frames, size, "lanczos"), expected)


@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES), st.sampled_from(sorted(FILTERS)), st.data())
def test_a_part_is_cut_out_of_the_whole(source, size, name, data) -> None:
    height, width = (data.draw(st.integers(1, side)) for side in size)
    part = Region(
        data.draw(st.integers(0, size[0] - height)), data.draw(st.integers(0, size[1] - width)), height, width
    )
    frames = torch.from_numpy(random_frames(7, 2, *source))
    whole = resize_pillow(frames, size, name)
    cut = whole[:, part.top : part.top + height, part.left : part.left + width]
    for resize in (resize_pillow, resize_by_taps):
        assert torch.equal(resize(frames, size, name, part), cut)


def test_resize_takes_views_and_leaves_equal_sizes() -> None:
    frames = torch.from_numpy(random_frames(6, 3, 40, 50))
    view = frames.flip(2)[:, 3:35, 5:45]
    assert torch.equal(resize_pillow(view, (20, 30)), resize_by_taps(view.contiguous(), (20, 30)))
    assert resize_pillow(frames, (40, 50)) is frames
    assert resize_pillow(frames[:0], (20, 30)).shape == (0, 20, 30, 3)


@pytest.mark.parametrize(
    "height, width, expected",
    [
        (239, 427, (256, 457)),
        (427, 239, (457, 256)),
        (360, 640, (256, 455)),
        (300, 300, (256, 256)),
        (256, 341, (256, 341)),
        (341, 256, (341, 256)),
        (257, 900, (256, 896)),
    ],
)
def test_shorter_side(height: int, width: int, expected: tuple[int, int]) -> None:
    assert shorter_side(height, width, 256) == expected


def test_center_crop() -> None:
    assert center_crop_box(257, 341, 224) == (16, 58)
    frames = torch.arange(2 * 7 * 6 * 3).view(2, 7, 6, 3)
    assert torch.equal(center_crop(frames, 4, height_dim=-3), frames[:, 1:5, 1:5])
    images = frames.permute(0, 3, 1, 2)
    assert torch.equal(center_crop(images, 4), images[:, :, 1:5, 1:5])
    with pytest.raises(ValueError, match="cannot crop 8x8 out of 7x6"):
        center_crop(images, 8)
