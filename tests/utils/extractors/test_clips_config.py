"""Settings of clip models: presets, and what the flags change of them."""

import pytest

from utils.config.schema import output_settings
from utils.errors import UserError
from utils.extractors.clips_config import SNIPPETS, VideoClipsConfig, mmaction2_presets


@pytest.mark.parametrize(
    "flags, words",
    [
        ({"num_clips": 0}, "--num_clips is 0"),
        ({"num_clips": -2}, "--num_clips is -2"),
        ({"stack_size": 0}, "--stack_size is 0"),
        ({"frame_interval": 0}, "--frame_interval is 0"),
        ({"clip_len": 0.0}, "--clip_len is 0.0"),
        ({"crop_size": 31}, "--crop_size is 31"),
        ({"side_size": 200}, "a crop of 224 pixels does not fit a side of 200"),
        ({"crop_type": "4-crop"}, "--crop_type is '4-crop'"),
        ({"average": "views"}, "--average is 'views'"),
        ({"preset": "snippet"}, "did you mean snippets"),
        ({"extraction_fps": 0.0}, "--extraction_fps is 0.0"),
        ({"resize": "short:256", "side_size": 256}, "--resize and --side_size exclude each other"),
        ({"resize": "squash:300x200"}, "frames become smaller than the 224x224"),
    ],
)
def test_wrong_settings_are_named(flags, words):
    with pytest.raises(UserError, match=words.replace("(", r"\(")):
        VideoClipsConfig(**flags)


def test_a_preset_gives_what_the_flags_leave_open():
    presets = mmaction2_presets(10, "3-crop", side_size=224)
    assert presets["mmaction2_1x"].placement == "mmaction2_1x"
    config = VideoClipsConfig(num_clips=4)
    assert (config.chosen.num_clips, config.chosen.crop_type, config.chosen.average) == (4, "5-crop", "none")
    assert output_settings(config)["preset"] == "snippets"


@pytest.mark.parametrize(
    ("clip_len", "fps", "interval"), [(None, 30.0, 2), (2.0, 25.0, 2), (1.0, 96.0, 3), (0.01, 25.0, 1)]
)
def test_seconds_become_an_interval_of_frames(clip_len: float | None, fps: float, interval: int) -> None:
    assert VideoClipsConfig(clip_len=clip_len).interval(fps) == interval


def test_a_preset_in_words() -> None:
    assert SNIPPETS.summary() == "all clips, 5-crop 224 of 256, not averaged"
    words = mmaction2_presets(10, "3-crop")["mmaction2_0x"].summary()
    assert words == "10 clips, 3-crop 256 of 256, averaged over both"
