"""The shared base of clip models, with a network that shows what it was given."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from support.clips import extract
from support.golden import moving_frames
from torch import nn

from utils.config.schema import output_settings
from utils.extractors.base import VideoStreamInfo
from utils.extractors.clips import VideoClipsExtractor
from utils.extractors.clips_config import SNIPPETS, VideoClipsConfig, mmaction2_presets, preset
from utils.transforms.crops import resize_rounded
from utils.transforms.opencv import resize_opencv


class Means(nn.Module):
    """Features: the mean of each colour."""

    def __init__(self):
        super().__init__()
        self.classifier = nn.Linear(3, 3, bias=False)
        nn.init.eye_(self.classifier.weight)
        self.classifier.weight.data *= 2

    def forward(self, clips):
        features = clips.mean((2, 3, 4))
        return features, self.classifier(features)


class MeansExtractor(VideoClipsExtractor[VideoClipsConfig]):
    key = "means"
    clips_at_once = (2, 2)
    float32_parts = ()

    def network(self, path):
        return Means()


def extractor(**flags: Any) -> MeansExtractor:
    flags = {"side_size": 48, "crop_size": 32, "stack_size": 4} | flags
    return MeansExtractor(VideoClipsConfig(**flags), {"means": None}, torch.device("cpu"))


@pytest.mark.parametrize(
    "average, shape, axes, with_times",
    [
        ("none", (3, 5, 3), (), True),
        ("clips", (5, 3), 0, False),
        ("crops", (3, 3), 1, True),
        ("both", (3,), (0, 1), False),
    ],
)
def test_averages(average, shape, axes, with_times):
    frames = moving_frames(3, 20, 50, 60)
    model = extractor(average=average)
    saved, views = extract(model, frames)
    assert views.shape == (3, 5, 3)
    assert (saved.shape, saved.dtype) == (shape, np.float32)
    np.testing.assert_allclose(saved, views.mean(axes) if axes != () else views, rtol=1e-5)
    assert model.with_times is with_times


def test_predictions_are_averaged_over_crops():
    views = torch.randint(0, 256, (2, 5, 4, 32, 32, 3), dtype=torch.uint8)
    outputs = extractor(show_pred=True).outputs({"frames": views})
    torch.testing.assert_close(outputs["logits/means"], 2 * outputs["means"].mean(1))
    assert set(extractor().outputs({"frames": views})) == {"means"}


@pytest.mark.parametrize("n_frames, n_clips", [(1, 1), (7, 1), (9, 2)])
def test_short_videos_give_whole_clips(n_frames, n_clips):
    saved, _ = extract(extractor(), moving_frames(3, n_frames, 40, 90))
    assert saved.shape == (n_clips, 5, 3) and np.isfinite(saved).all()


def test_a_video_without_frames_gives_no_clip():
    model, info = extractor(), VideoStreamInfo(25.0, 40, 90, np.empty(0))
    sampling = model.sampling(info)
    assert list(sampling.full()) == [] and sampling.rest(0, 0) == []
    assert "no frame could be decoded" in model.no_windows(0, info).reason
    assert "--extraction_fps 0.5" in extractor(extraction_fps=0.5).no_windows(0, info).reason


@pytest.mark.parametrize(
    ("clip_len", "fps", "frames"),
    [(2.0, 25.0, [0, 12, 24, 36]), (1.0, 30.0, [0, 8, 16, 24]), (0.01, 25.0, [0, 1, 2, 3]), (None, 30.0, [0, 2, 4, 6])],
)
def test_a_clip_in_seconds_spreads_its_frames(clip_len, fps, frames):
    info = VideoStreamInfo(fps, 40, 90, np.arange(48) / fps)
    sampling = extractor(stack_size=4, clip_len=clip_len, num_clips=1).sampling(info)
    assert sampling.wanted == frames


@pytest.mark.parametrize(
    ("flags", "size"),
    [
        ({"resize": "short:40", "preset": "snippets"}, (40, 48)),
        ({"resize": "squash:64x48", "preset": "snippets"}, (48, 64)),
        ({"resize": "none", "preset": "snippets"}, (50, 60)),
        ({"resize": "short:33", "preset": "mmaction2_1x"}, (33, 40)),  # 39.6, which torchvision's tools round down
    ],
)
def test_resize_is_done_by_the_preset_s_code(flags, size):
    @dataclass(frozen=True)
    class Config(VideoClipsConfig):
        PRESETS = {"snippets": SNIPPETS} | mmaction2_presets(1, "center")
        preset: str = preset(PRESETS, "snippets")

    model = MeansExtractor(Config(crop_size=32, stack_size=4, **flags), {"means": None}, torch.device("cpu"))
    frames = torch.from_numpy(moving_frames(3, 2, 50, 60))
    resize = resize_opencv if flags["preset"] == "mmaction2_1x" else resize_rounded
    assert torch.equal(model.prepare(frames), resize(frames, size))


def test_boxes_of_another_tool():
    model = extractor(crop_boxes="center_first", side_size=64)
    frames = torch.from_numpy(moving_frames(3, 4, 64, 80))
    assert model.views is not None
    views = model.views.of_each(model.window, frames, None)["frames"]
    assert torch.equal(views[0], frames[:, 16:48, 24:56]) and torch.equal(views[4], frames[:, 32:, 48:])
    assert output_settings(extractor(crop_boxes="center_first").config)["crop_boxes"] == "center_first"
    assert "crop_boxes" not in output_settings(VideoClipsConfig()) and "crop_type" in output_settings(
        VideoClipsConfig()
    )
