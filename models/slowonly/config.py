"""The settings of SlowOnly."""

from dataclasses import dataclass

from utils.config import shared_flags
from utils.extractors.clips_config import GROUP, SNIPPETS, VideoClipsConfig, mmaction2_presets, preset

PUBLISHED_NAME = "slowonly_r50_video_320p_4x16x1_256e_kinetics400_rgb_20201014-c9cdc656.pth"
# mmaction2 v0.24.1, configs/recognition/slowonly/slowonly_r50_clip_feature_extraction_4x16x1_rgb.py
PRESETS = mmaction2_presets(num_clips=10, crop_type="center") | {"snippets": SNIPPETS}


@dataclass(frozen=True)
class SlowOnlyConfig(VideoClipsConfig):
    """The flags of `--feature_type slowonly`, with the defaults of mmaction2 0.x's feature extraction."""

    PRESETS = PRESETS

    preset: str = preset(PRESETS, "mmaction2_0x")
    stack_size: int = shared_flags.stack_size(GROUP, 4, "frames in a clip")
    frame_interval: int = shared_flags.frame_interval(GROUP, 16)
    checkpoint: str | None = shared_flags.checkpoint(GROUP, PUBLISHED_NAME)
