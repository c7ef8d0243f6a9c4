import numpy as np
import pytest
import torch
from support.golden import case, moving_frames
from torchvision.transforms.v2 import functional as tv

from utils.transforms.crops import CROPS, MMACTION2, TORCHVISION, Box, cut, network_input, resize_rounded
from utils.transforms.geometry import shorter_side, shorter_side_rounded
from utils.transforms.opencv import resize_opencv

SIZES = ("landscape_120x160", "portrait_168x94", "downscale_300x400")


def size_of(frames: torch.Tensor) -> tuple[int, int]:
    return frames.shape[1], frames.shape[2]


def recorded(name: str, n: int | None = None, seed_step: int = 0):
    """The case, and its input frames, uint8 [n, H, W, 3]."""
    expected, meta = case("mmaction_transforms", f"case_{name}")
    source = meta["input"]
    frames = moving_frames(source["seed"] + seed_step, n or source["n"], source["height"], source["width"])
    return expected, meta, torch.from_numpy(frames)


def cut_views(frames, boxes, side):
    return torch.stack([cut(frames, box, side) for box in boxes])


def check(expected, key, views):
    np.testing.assert_array_equal(views[:, :, ::16, ::16], expected[f"output_{key}_grid16"])
    if f"output_{key}_sum" in expected:
        np.testing.assert_array_equal(views.long().sum((2, 3, 4)), expected[f"output_{key}_sum"])


@pytest.mark.parametrize("name", SIZES)
def test_views_of_mmaction2(name):
    expected, meta, frames = recorded(name)
    for crop_type, key, resize, side in (
        ("center", "center256", 256, 256),
        ("center", "center224", 256, 224),
        ("3-crop", "three256", 256, 256),
        ("10-crop", "ten224", 256, 224),
        ("3-crop", "three224_after_resize224", 224, 224),
    ):
        resized = resize_opencv(frames, shorter_side_rounded(*size_of(frames), resize))
        boxes = MMACTION2[crop_type](*size_of(resized), side)
        corners = [[box.left, box.top, box.left + side, box.top + side] for box in boxes]
        assert corners == np.reshape(meta["boxes"][key], (-1, 4)).tolist()
        check(expected, key, cut_views(resized, boxes, side))
    resized = resize_opencv(frames, shorter_side_rounded(*size_of(frames), 256))
    (view,) = cut_views(resized, MMACTION2["center"](*size_of(resized), 224), 224)
    ours = network_input(view[:, None])[:, :, 0, ::16, ::16]  # each frame as a clip
    np.testing.assert_allclose(ours, expected["output_normalized_nchw_grid16"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", SIZES)
def test_views_of_clips_in_the_order_of_mmaction2(name):
    expected, meta, frames = recorded(name, n=4, seed_step=1)
    resized = resize_opencv(frames, shorter_side_rounded(*size_of(frames), 256))
    views = cut_views(resized.unflatten(0, (2, 2)), MMACTION2["3-crop"](*size_of(resized), 256), 256)
    ours = views.flatten(0, 1).permute(0, 4, 1, 2, 3)  # crop-major
    assert list(ours.shape) == meta["sizes"]["ncthw_shape"]
    np.testing.assert_array_equal(ours[..., ::32, ::32], expected["output_ncthw_three256_2clips_grid32"])


@pytest.mark.parametrize("name", SIZES)
def test_views_of_the_snippet_tool(name):
    expected, meta, frames = recorded(f"tool_{name}")
    resized = resize_rounded(frames, shorter_side(*size_of(frames), 256))
    assert list(resized.shape[1:3]) == meta["sizes"]["resize256_hw"]
    np.testing.assert_array_equal(resized[0], expected["output_resize256_frame0"])
    for crop_type in ("center", "5-crop", "10-crop"):
        views = cut_views(resized, TORCHVISION[crop_type](*size_of(resized), 224), 224)
        check(expected, crop_type, views)
        if crop_type == "5-crop":
            normalized = network_input(views)[..., ::16, ::16]
            np.testing.assert_allclose(
                normalized, expected["output_5-crop_normalized_cthw_grid16"], rtol=1e-5, atol=1e-6
            )


@pytest.mark.parametrize("height, width", [(29, 38), (28, 37), (41, 30), (20, 20)])
def test_corners_are_those_of_torchvision(height, width):
    frames = torch.from_numpy(moving_frames(1, 1, height, width))
    images = frames.permute(0, 3, 1, 2)
    for crop_type, theirs in (
        ("center", [tv.center_crop(images, [20, 20])]),
        ("5-crop", tv.five_crop(images, [20, 20])),
        ("10-crop", tv.ten_crop(images, [20, 20])),
    ):
        views = cut_views(frames, TORCHVISION[crop_type](height, width, 20), 20)
        assert torch.equal(views, torch.stack(list(theirs)).permute(0, 1, 3, 4, 2))


def test_three_crops_smaller_than_the_frame_lie_along_its_longer_side():
    assert MMACTION2["3-crop"](30, 45, 20) == [Box(5, 0), Box(5, 24), Box(5, 12)]
    assert MMACTION2["3-crop"](45, 30, 20) == [Box(0, 5), Box(24, 5), Box(12, 5)]


@pytest.mark.parametrize("rules", CROPS.values(), ids=CROPS)
@pytest.mark.parametrize("size", [(37, 52), (60, 33), (32, 32)])
def test_every_view_lies_in_the_frame(rules, size):
    for rule in rules.values():
        for box in rule(*size, 32):
            assert 0 <= box.top <= size[0] - 32 and 0 <= box.left <= size[1] - 32


def test_nothing_is_resized_without_need():
    frames = torch.from_numpy(moving_frames(2, 2, 20, 30))
    assert resize_rounded(frames, (20, 30)) is frames
    assert resize_rounded(frames[:0], (10, 15)).shape == (0, 10, 15, 3)


def test_frames_with_channels_first_are_cut_the_same():
    frames = torch.from_numpy(moving_frames(1, 2, 37, 52))
    for box in CROPS["center_first"]["10-crop"](37, 52, 32):
        assert torch.equal(cut(frames.permute(0, 3, 1, 2), box, 32), cut(frames, box, 32).permute(0, 3, 1, 2))


def test_the_middle_comes_first_or_third():
    """As XD-Violence's and VadCLIP's authors answer; and RTFM's, of frames of 340x256 pixels."""
    corners = [Box(0, 0), Box(0, 116), Box(32, 0), Box(32, 116)]
    first = CROPS["center_first"]["10-crop"](256, 340, 224)
    assert first[:5] == [Box(16, 58), *corners]
    assert first[5:] == [Box(top, left, True) for top, left, _ in first[:5]]
    assert CROPS["anomaly"]["5-crop"](256, 340, 224) == [*corners[:2], Box(16, 58), *corners[2:]]
