import pytest

from models.slowfast.config import SlowFastConfig
from utils.errors import UserError


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"clip_len": 2.0, "stack_size": 50}, "--clip_len and --stack_size exclude each other"),
        ({"clip_len": 2.0, "whole_video": True}, "--clip_len and --whole_video exclude each other"),
        ({"clip_len": -1.0}, "see also --whole_video"),
        ({"clip_len": float("nan")}, "--clip_len is nan"),
        ({"stack_size": 0}, "--stack_size is 0"),
        ({"num_clips": 0}, "--num_clips is 0"),
        ({"num_clips": 3, "tail": "cycle"}, "--tail cycle is for clips back to back"),
        ({"whole_video": True, "num_clips": 3}, "--whole_video makes one clip per video"),
        ({"preset": "acav100m", "tail": "cycle"}, "--preset acav100m without --clip_len"),
        ({"preset": "acav100"}, "did you mean acav100m"),
        ({"average": "crops"}, "--average is 'crops'"),
        ({"window_s": 2.0, "stack_size": 50}, "--stack_size and --window_s exclude each other"),
        ({"window_s": 2.0, "step_size": 50}, "--window_s and --step_size exclude each other"),
        ({"step_s": 2.0}, "are for --stack_size or --window_s"),
        ({"stack_size": 50, "step_size": 25, "num_clips": 3}, "without --num_clips"),
        ({"preset": "hero", "stack_size": 60}, "--preset hero cuts all of a video into clips"),
        ({"preset": "hero", "resize": "short:224"}, "--resize short:224 must be ffmpeg:N"),
        ({"preset": "hero", "extraction_fps": 29.97}, "whole numbers of frames"),
        ({"preset": "hero", "decode": "gpu"}, "--decode gpu: only --decode exact scales frames as ffmpeg does"),
    ],
)
def test_wrong_requests_are_refused(flags, message):
    with pytest.raises(UserError, match=message):
        SlowFastConfig(**flags)


def test_what_is_one_clip():
    assert not SlowFastConfig().one_clip
    assert SlowFastConfig(whole_video=True).one_clip
    assert SlowFastConfig(preset="acav100m").one_clip
    assert not SlowFastConfig(preset="acav100m", clip_len=2.0).one_clip


def test_what_hero_s_clips_are():
    config = SlowFastConfig(preset="hero", clip_len=1.5)
    assert (config.frame_rate, config.frame_side, config.hero_lengths) == (30, 224, (30, 45))
    assert SlowFastConfig(preset="hero", resize="ffmpeg:256").frame_side == 256
