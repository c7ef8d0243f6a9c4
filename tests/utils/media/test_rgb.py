"""Frames of any pixel format become upright RGB of their own size."""

import av
import numpy as np
import pytest

from utils.errors import VideoError
from utils.media.crop import Crop
from utils.media.layout import rgb_layout
from utils.media.rgb import RgbConverter
from utils.media.rotation import Orientation

PIXELS = np.random.default_rng(0).integers(0, 256, (48, 62, 3), np.uint8)
UPRIGHT = Orientation()


def converted(frame: av.VideoFrame, turn: Orientation = UPRIGHT, crop: Crop = Crop()) -> np.ndarray:  # noqa: B008 - a tuple
    converter = RgbConverter("a.mp4", turn, crop)
    out = np.empty(converter.layout(frame).shape, np.uint8)
    converter.write(frame, out)
    return out


@pytest.mark.parametrize("format", ["rgb24", "bgr24", "gbrp"])
def test_pixels_keep_their_colours(format: str) -> None:
    given = av.VideoFrame.from_ndarray(PIXELS, "rgb24").reformat(format=format)
    np.testing.assert_array_equal(converted(given), PIXELS)


def test_deep_pixels_lose_their_lowest_bits_alone() -> None:
    given = av.VideoFrame.from_ndarray(PIXELS.astype(np.uint16) << 8, "rgb48le")
    assert np.abs(converted(given).astype(int) - PIXELS).max() <= 1


def test_a_crop_is_of_the_frame_as_stored_which_is_then_turned() -> None:
    given = av.VideoFrame.from_ndarray(PIXELS, "rgb24")
    found = converted(given, Orientation(transpose=True, reverse_columns=True), Crop(2, 4, 6, 8))
    np.testing.assert_array_equal(found, np.rot90(PIXELS[4:40, 2:56], -1))
    np.testing.assert_array_equal(converted(given, UPRIGHT, Crop(99)), PIXELS)  # it would leave nothing


def test_what_cannot_be_converted_is_named() -> None:
    given = av.VideoFrame(16, 16, "xv30be")
    converter = RgbConverter("a.mp4", UPRIGHT, Crop())
    assert converter.layout(given) == rgb_layout((16, 16))
    with pytest.raises(
        VideoError, match=r"a\.mp4: pixel format xv30be cannot be converted to RGB: .*Convert the video"
    ):
        converter.write(given, np.empty((16, 16, 3), np.uint8))
