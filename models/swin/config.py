"""The settings of Video Swin."""

from dataclasses import dataclass

from utils.config import shared_flags
from utils.extractors.clips_config import GROUP, SNIPPETS, VideoClipsConfig, mmaction2_presets, preset

PUBLISHED_NAME = "swin-tiny-p244-w877_in1k-pre_8xb8-amp-32x2x1-30e_kinetics400-rgb_20220930-241016b2.pth"
# mmaction2 v1.2.0, configs/recognition/swin: the test pipeline of swin-tiny-p244-w877_in1k-pre_8xb8-amp-32x2x1-30e
PRESETS = {"snippets": SNIPPETS} | mmaction2_presets(num_clips=4, crop_type="3-crop", side_size=224)


@dataclass(frozen=True)
class SwinConfig(VideoClipsConfig):
    """The flags of `--feature_type swin`."""

    PRESETS = PRESETS

    preset: str = preset(PRESETS, "snippets")
    stack_size: int = shared_flags.stack_size(GROUP, 32, "frames in a clip")
    frame_interval: int = shared_flags.frame_interval(GROUP, 2)
    checkpoint: str | None = shared_flags.checkpoint(GROUP, PUBLISHED_NAME)
