from fractions import Fraction

import numpy as np
import pytest
import torch

from utils.errors import UserError
from utils.extractors.base import VideoStreamInfo
from utils.extractors.frames import as_rows, spread_frames
from utils.media.frame_rate import FrameRateRule


def uniform(n_frames, fps=25.0, start_s=0.0):
    return VideoStreamInfo(fps, 240, 320, start_s + np.arange(n_frames) / fps)


@pytest.mark.parametrize(
    ("info", "total", "frames"),
    [
        (uniform(75), 75, list(range(75))),
        # ffmpeg's fps filter at 10 * 25 / 75: frame i is shown from the tick nearest to i / 7.5
        (uniform(75), 10, [3, 11, 18, 26, 33, 41, 48, 56, 63, 71]),
        (uniform(75, start_s=0.08), 10, [3, 11, 18, 26, 33, 41, 48, 56, 63, 71]),
        (uniform(4), 2, [0, 2]),
        (uniform(3), 6, [0, 0, 1, 1, 2, 2]),
        (uniform(1), 3, [0, 0, 0]),
        (uniform(0), 3, []),
        (uniform(90), 1, [44]),
        (VideoStreamInfo(2.0, 240, 320, np.array([0.0, 0.1, 0.2, 1.9])), 2, [2, 2]),  # variable frame rate
    ],
)
def test_frames_are_spread_as_ffmpeg_does_it(info, total, frames):
    assert spread_frames(info, total) == frames


@pytest.mark.parametrize("n_frames", [1, 7, 30, 75, 100])
@pytest.mark.parametrize("total", [1, 2, 15, 50, 60])
def test_frames_are_those_of_the_fps_filter(n_frames, total):
    rule = FrameRateRule(Fraction(1, 25), Fraction(total * 25, n_frames))
    shown = [frame - 1 for frame in range(n_frames) for _ in rule.push(frame)]
    shown += [n_frames - 1 for _ in rule.finish(n_frames)]
    assert spread_frames(uniform(n_frames), total) == shown


def test_features_that_are_not_pooled_are_refused():
    assert as_rows(torch.zeros(2, 5), "a").shape == (2, 5)
    with pytest.raises(UserError, match=r"unet returns \[5, 7, 7\] per frame"):
        as_rows(torch.zeros(2, 5, 7, 7), "unet")
