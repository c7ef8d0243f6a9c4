import pytest
import torch

from models.raft.preprocess import check_size, margins, padded_size, to_network, unpad
from utils.errors import VideoError


@pytest.mark.parametrize(
    ("size", "expected"),
    [((256, 341), (1, 2, 0, 0)), ((133, 203), (2, 3, 1, 2)), ((256, 344), (0, 0, 0, 0))],
)
def test_margins_have_the_odd_pixel_at_the_right_and_bottom(
    size: tuple[int, int], expected: tuple[int, int, int, int]
) -> None:
    assert margins(size) == expected
    assert all(side % 8 == 0 for side in padded_size(size))


def test_padding_repeats_the_border_and_unpadding_cuts_it() -> None:
    frames = torch.rand(2, 3, 133, 203, generator=torch.Generator().manual_seed(0)) * 255
    images = to_network(frames)
    assert images.shape == (2, 3, 136, 208)
    torch.testing.assert_close(images[:, :, 0, 0], frames[:, :, 0, 0] / 255 * 2 - 1)
    torch.testing.assert_close(images[:, :, -1, -1], frames[:, :, -1, -1] / 255 * 2 - 1)
    torch.testing.assert_close(unpad(images, (133, 203)), frames / 255 * 2 - 1)


@pytest.mark.parametrize("size", [(120, 160), (160, 120)])
def test_frames_that_are_too_small_say_how_to_enlarge_them(size: tuple[int, int]) -> None:
    with pytest.raises(VideoError, match=f"{size[1]}x{size[0]}.*121.*--min_side_size.*--side_size"):
        check_size(size)


def test_the_padding_counts_for_the_smallest_size() -> None:
    check_size((121, 121))
    with pytest.raises(VideoError):
        check_size((120, 121))
