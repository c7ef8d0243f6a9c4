import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.golden import case, moving_frames

from utils.transforms.geometry import shorter_side_rounded
from utils.transforms.opencv import resize_fixed_point, resize_opencv

SIDES = st.integers(1, 150)
CASES = ("case_landscape_120x160", "case_portrait_168x94", "case_downscale_300x400")


def noise(seed: int, n: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, height, width, 3), dtype=np.uint8)


@settings(max_examples=300)
@given(SIDES, SIDES, SIDES, SIDES, st.integers(0, 2**32 - 1))
def test_both_ways_equal_opencv(h_in: int, w_in: int, h_out: int, w_out: int, seed: int) -> None:
    frames = noise(seed, 1, h_in, w_in)
    expected = cv2.resize(frames[0], (w_out, h_out), interpolation=cv2.INTER_LINEAR)
    for resize in (resize_opencv, resize_fixed_point):
        assert np.array_equal(resize(torch.from_numpy(frames), (h_out, w_out))[0], expected)


@pytest.mark.parametrize("height, width", [(720, 1280), (1080, 1920), (240, 320), (512, 512), (239, 427), (1300, 97)])
def test_both_ways_agree_on_video_sizes(height: int, width: int) -> None:
    frames = torch.from_numpy(noise(3, 2, height, width))
    size = shorter_side_rounded(height, width, 256)
    assert torch.equal(resize_fixed_point(frames, size), resize_opencv(frames, size))


@pytest.mark.parametrize("resize", [resize_opencv, resize_fixed_point])
@pytest.mark.parametrize("name", CASES)
def test_the_resize_of_mmaction2(name: str, resize) -> None:
    expected, meta = case("mmaction_transforms", name)
    source = meta["input"]
    frames = torch.from_numpy(moving_frames(source["seed"], 1, source["height"], source["width"]))
    for side, key, step in ((256, "output_resize256_frame0", 1), (224, "output_resize224_frame0_grid8", 8)):
        size = shorter_side_rounded(source["height"], source["width"], side)
        assert list(size) == meta["sizes"][f"resize{side}_hw"]
        np.testing.assert_array_equal(resize(frames, size)[0, ::step, ::step], expected[key])


def test_views_and_equal_sizes() -> None:
    frames = torch.from_numpy(noise(6, 3, 40, 50))
    view = frames.flip(2)[:, 3:35, 5:45]
    assert torch.equal(resize_opencv(view, (20, 30)), resize_fixed_point(view, (20, 30)))
    assert resize_opencv(frames, (40, 50)) is frames
    assert resize_opencv(frames[:0], (20, 30)).shape == (0, 20, 30, 3)
