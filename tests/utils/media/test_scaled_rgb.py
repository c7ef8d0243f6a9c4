"""Frames scaled as ffmpeg does; that its pixels are ffmpeg's, the cases of tests/golden/qvhighlights hold."""

import numpy as np
import pytest
from av.video.frame import VideoFrame
from support.media import moving_frames

from utils.errors import VideoError
from utils.media.crop import Crop
from utils.media.rotation import Orientation
from utils.media.scaled_rgb import ScaledRgbConverter


def scaled(frame: VideoFrame, turn: Orientation, crop: Crop, side: int, most_pixels: int = 1 << 20) -> np.ndarray:
    converter = ScaledRgbConverter("x.mp4", turn, crop, side, most_pixels)
    width, height = converter.size(frame)
    out = np.zeros((height, width, 3), np.uint8)
    converter.write(frame, out)
    return out


@pytest.mark.parametrize("format", ["yuv420p", "rgb24"])
def test_frames_are_cropped_and_turned_before_they_are_scaled(format: str) -> None:
    rgb = VideoFrame.from_ndarray(moving_frames(1)[0], format="rgb24")  # 64x48
    frame, turn, crop = rgb.reformat(format=format), Orientation(True, False, True), Crop(4, 2, 0, 6)
    cropped = np.ascontiguousarray(turn.apply(frame.to_ndarray(format="rgb24")[2:-6, 4:]))
    ours = scaled(frame, turn, crop, 20)
    assert ours.shape == (30, 20, 3)
    upright = scaled(VideoFrame.from_ndarray(cropped, format="rgb24"), Orientation(), Crop(), 20)
    assert np.abs(ours.astype(int) - upright).mean() < (0.1 if format == "rgb24" else 8)


def test_what_gets_too_large_is_refused() -> None:
    frame = VideoFrame(640, 2, "yuv420p")
    with pytest.raises(VideoError, match=r"x.mp4: frames become 71680x224 pixels, more than --max_pixels allows"):
        scaled(frame, Orientation(), Crop(), 224)
